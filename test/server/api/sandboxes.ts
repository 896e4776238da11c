import type { SandboxReply } from '../../../src/schema/lifecycle-reply';
import { Label } from '../../../src/schema/names';
import { until } from '../../support/waiting';
import { direct, pooled, type ServerUnderTest } from './server-under-test';

/** What is done with sandboxes that there are. */
export function sandboxSuite(server: ServerUnderTest): void {
  describe('a sandbox', () => {
    test('is listed newest first, by state and by metadata, a page at a time (L25)', async () => {
      const made = await Promise.all(['a', 'b', 'b'].map((team) => server.create(pooled({ metadata: { team, 'example.com/kind': 'x' } }))));
      const pending = await server.create(direct(), { prefer: 'respond-async' });
      const all = await server.list();
      expect(all.pagination).toEqual({ page: 1, pageSize: 20, totalItems: 4, totalPages: 1, hasNextPage: false });
      const pages = await Promise.all([1, 2, 3].map((page) => server.list(`page=${page}&pageSize=2`)));
      expect(pages.flatMap(({ items }) => items)).toEqual(all.items);
      expect(pages.map(({ pagination: { hasNextPage, totalPages } }) => [hasNextPage, totalPages])).toEqual([[true, 2], [false, 2], [false, 2]]);
      const ids = async (query: string) => (await server.list(query)).items.map(({ id }) => id).sort();
      expect(await ids('state=pending&state=FAILED')).toEqual([pending.id]);
      expect(await ids('state=Running')).toEqual(made.map(({ id }) => id).sort());
      const filter = 'team=b&example.com/kind=x';
      const ofB = made.slice(1).map(({ id }) => id).sort();
      expect(await ids(`metadata=${encodeURIComponent(filter)}`)).toEqual(ofB);
      // The Python SDK encodes it twice.
      expect(await ids(`metadata=${encodeURIComponent('team=b&example.com%2Fkind=x')}`)).toEqual(ofB);
    });

    test('is known to another replica as soon as it is made (L24, L26, L42)', async () => {
      const other = await server.world.replica();
      const { id } = await server.create();
      expect(await other.send('GET', `/v1/sandboxes/${id}`)).toMatchObject({ status: 200, body: { id } });
      expect(await other.send('DELETE', `/v1/sandboxes/${id}`)).toMatchObject({ status: 204, body: '' });
      await until(async () => expect((await server.send('GET', `/v1/sandboxes/${id}`)).status).toBe(404));
    });

    test('is renewed for a longer or shorter time, by one change (L28)', async () => {
      const { id } = await server.create();
      const before = await server.world.operator.batch(id);
      const expiresAt = new Date(Date.now() + 7_200_000).toISOString();
      expect(await server.send('POST', `/v1/sandboxes/${id}/renew-expiration`, { body: { expiresAt: expiresAt.replace('Z', '') } })).toMatchObject({ status: 200, body: { expiresAt } });
      expect((await server.send<SandboxReply>('GET', `/v1/sandboxes/${id}`)).body.expiresAt).toBe(expiresAt);
      expect((await server.world.operator.batch(id)).spec).toEqual({ ...before.spec, expireTime: expiresAt });
      expect(await server.send('POST', `/v1/sandboxes/${id}/renew-expiration`, { body: { expiresAt: '2020-01-01T00:00:00Z' } })).toMatchObject({ status: 400, body: { code: 'DOCKER::INVALID_EXPIRATION' } });
      expect(await server.send('POST', `/v1/sandboxes/${id}/renew-expiration`, { body: { expiresAt: 'soon' } })).toMatchObject({ status: 400, body: { code: 'SANDBOX::INVALID_PARAMETER' } });
    });

    test('without an end is not renewed, and says that somebody must delete it', async () => {
      const patient = await server.world.replica('');
      const { body } = await patient.send<SandboxReply>('POST', '/v1/sandboxes', { body: pooled({ timeout: null }) });
      expect(body).not.toHaveProperty('expiresAt');
      expect((await server.world.operator.batch(body.id)).metadata.labels?.[Label.manualCleanup]).toBe('true');
      const renewed = await server.send('POST', `/v1/sandboxes/${body.id}/renew-expiration`, { body: { expiresAt: '2099-01-01T00:00:00Z' } });
      expect(renewed).toMatchObject({ status: 409, body: { code: 'DOCKER::INVALID_EXPIRATION' } });
    });

    test('keeps what two callers change of its metadata at the same time (L27)', async () => {
      const { id } = await server.create(pooled({ metadata: { a: '1', b: '2' } }));
      const other = await server.world.replica();
      const patches = [{ a: null, c: '3' }, { d: '4' }, { e: '5' }];
      const answers = await Promise.all(patches.map((body, index) => (index % 2 === 0 ? server.send : other.send)('PATCH', `/v1/sandboxes/${id}/metadata`, { body })));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      await until(async () => expect((await server.send<SandboxReply>('GET', `/v1/sandboxes/${id}`)).body.metadata).toEqual({ b: '2', c: '3', d: '4', e: '5' }));
      expect((await server.send<SandboxReply>('PATCH', `/sandboxes/${id}/metadata`, { body: {} })).body.metadata).toEqual({ b: '2', c: '3', d: '4', e: '5' });
      expect(await server.send('PATCH', `/v1/sandboxes/${id}/metadata`, { body: { 'opensandbox.io/id': null } })).toMatchObject({ status: 400, body: { code: 'INVALID_METADATA_LABEL' } });
      expect(await server.send('PATCH', `/v1/sandboxes/${id}/metadata`, { body: { a: 1 } })).toMatchObject({ status: 400, body: { code: 'SANDBOX::INVALID_PARAMETER' } });
    });
  });

  test('the log has a line for each write, and no key (L8, L45)', async () => {
    const { id } = await server.create(pooled({ env: { PASSWORD: 's3cret-value' } }));
    await server.send('DELETE', `/v1/sandboxes/${id}`);
    await server.send('POST', '/v1/metrics/events', { body: {} });
    const writes = server.world.log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === 'write');
    expect(writes).toContainEqual(expect.objectContaining({ operation: 'deleteSandbox', object: id, status: 204, caller: expect.stringMatching(/^key-[0-9a-f]{8}$/) as string }));
    expect(server.world.log.join('')).not.toMatch(/test-key|s3cret-value/);
  });
}
