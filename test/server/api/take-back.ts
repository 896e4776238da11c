import { idOfKey } from '../../../server/sandboxes/create-plan';
import type { SandboxReply } from '../../../src/schema/lifecycle-reply';
import { Annotation } from '../../../src/schema/names';
import { ManualClock, untilWith } from '../../support/manual-clock';
import { pathOf } from '../../support/operator-in-process';
import { until } from '../../support/waiting';
import type { UsedRight } from '../recorded-connection';
import { BRISK, direct, IMPATIENT_FOR_ROOM, POOL_SIZE, pooled, ROOM, type ServerUnderTest } from './server-under-test';

/** What becomes of sandboxes whose creates come to nothing, or come twice: none stays that nobody knows of, and none goes that somebody was told of. */
export function takeBackSuite(server: ServerUnderTest): void {
  const annotate = (id: string, annotations: Readonly<Record<string, string | null>>) => server.world.operator.patch(pathOf('batchsandboxes', id), { metadata: { annotations } });
  /** Of a replica that takes back what no other one does yet, however slow the machine is. */
  const hourAhead = () => new ManualClock(new Date(Date.now() + 3_600_000));

  describe('a create', () => {
    test('with one key more than once, on any replica, makes one sandbox (L17, L42)', async () => {
      const other = await server.world.replica();
      const headers = { 'idempotency-key': 'order-7' };
      const [first, second] = await Promise.all([server.create(pooled(), headers), other.send<SandboxReply>('POST', '/v1/sandboxes', { body: pooled(), headers })]);
      const third = await server.create(pooled({ extensions: { ...ROOM, 'idempotency.key': 'order-7' } }));
      expect([second.status, second.body.id, third.id]).toEqual([202, first.id, first.id]);
      // It may be the other replica that has made it.
      await until(async () => expect((await server.list()).items.map(({ id }) => id)).toEqual([first.id]));
      expect(await server.world.operator.batches()).toHaveLength(1);
      expect(await server.send('POST', '/v1/sandboxes', { body: pooled({ timeout: 700 }), headers })).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY::KEY_REUSED' } });
    });

    test('with a key finds its sandbox again after its pool is gone (L17)', async () => {
      await server.world.createPool('brief', 0);
      const repeated = () => server.send<SandboxReply>('POST', '/v1/sandboxes', { body: pooled({ extensions: { poolRef: 'brief' } }), headers: { 'idempotency-key': 'outlives', prefer: 'respond-async' } });
      const first = await repeated();
      expect(first.status).toBe(202);
      expect((await server.send('DELETE', '/v1/pools/brief')).status).toBe(204);
      await until(async () => expect((await server.send('GET', '/v1/pools/brief')).status).toBe(404));
      expect(await repeated()).toMatchObject({ status: 202, body: { id: first.body.id } });
    });

    test('with a key leaves a sandbox that another create with it has told of, whatever becomes of it', async () => {
      const headers = { 'idempotency-key': 'told' };
      const { id } = await server.create(direct(), { ...headers, prefer: 'respond-async' });
      const pod = pathOf('pods', `${id}-0`);
      await until(() => server.world.operator.podAt(pod));
      await server.world.operator.patch(`${pod}/status`, { status: { containerStatuses: [{ name: 'sandbox', state: { waiting: { reason: 'ImagePullBackOff' } } }] } });
      expect(await server.send('POST', '/v1/sandboxes', { body: direct(), headers })).toMatchObject({ status: 500, body: { code: 'KUBERNETES::POD_FAILED' } });
      expect((await server.world.operator.batch(id)).metadata).not.toHaveProperty('deletionTimestamp');
    });

    test('with a key keeps the sandbox that it meets for as long as if it had made it (L17)', async () => {
      const headers = { 'idempotency-key': 'again' };
      const sending = { body: direct(), headers };
      const brisk = await server.world.replica(BRISK);
      expect((await brisk.send('POST', '/v1/sandboxes', sending)).status).toBe(503);
      const id = idOfKey('again');
      const clock = new ManualClock(new Date(Date.now() + 30_000));
      const later = await server.world.replica(BRISK, { clock });
      const repeated = later.send<SandboxReply>('POST', '/v1/sandboxes', sending);
      const keptUntil = async () => (await server.world.operator.batch(id)).metadata.annotations?.[Annotation.confirmBy];
      await until(async () => expect(await keptUntil()).toBe(new Date(clock.now().getTime() + 71_000).toISOString()));
      await until(async () => {
        await server.world.operator.makeReady();
        expect((await server.world.operator.podAt(pathOf('pods', `${id}-0`))).status?.podIP).toBeDefined();
      });
      expect(await repeated).toMatchObject({ status: 202, body: { id } });
      expect(await keptUntil()).toBeUndefined();
    });

    test('that finds a full pool says so, may be repeated later, and leaves nothing but what has a key (L16, L17)', async () => {
      const brisk = await server.world.replica(IMPATIENT_FOR_ROOM);
      await Promise.all(Array.from({ length: POOL_SIZE }, () => server.create()));
      await until(async () => expect((await brisk.send('GET', '/v1/pools/warm')).body).toMatchObject({ status: { available: 0 } }));
      const late = await Promise.all([1, 2, 3].map(() => brisk.send('POST', '/v1/sandboxes', { body: pooled() })));
      for (const answer of late) {
        expect(answer).toMatchObject({ status: 429, body: { code: 'KUBERNETES::POOL_CAPACITY_EXHAUSTED' } });
        expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      }
      await until(async () => expect((await server.list('pageSize=200')).items.filter(({ status }) => status.state !== 'Running')).toEqual([]));
      expect((await server.list()).pagination.totalItems).toBe(POOL_SIZE);
      // It keeps its place.
      const sending = { body: pooled(), headers: { 'idempotency-key': 'queued' } };
      expect((await brisk.send('POST', '/v1/sandboxes', sending)).status).toBe(429);
      const id = idOfKey('queued');
      const [running] = (await server.list('state=Running')).items;
      await server.send('DELETE', `/v1/sandboxes/${running?.id ?? ''}`);
      await until(async () => {
        await server.world.operator.makeReady();
        expect((await server.send<SandboxReply>('GET', `/v1/sandboxes/${id}`)).body).toMatchObject({ status: { state: 'Running' } });
      });
      expect(await server.send('POST', '/v1/sandboxes', sending)).toMatchObject({ status: 202, body: { id } });
    });

    test('that is not ready in time says so and leaves nothing, but for a key that may be repeated (L16, L17)', async () => {
      const brisk = await server.world.replica(BRISK);
      const late = await brisk.send('POST', '/v1/sandboxes', { body: direct() });
      expect(late).toMatchObject({ status: 503, body: { code: 'KUBERNETES::POD_READY_TIMEOUT' } });
      expect(late.headers.get('retry-after')).toBe('1');
      await until(async () => expect((await server.list()).items).toEqual([]));
      await brisk.send('POST', '/v1/sandboxes', { body: direct(), headers: { 'idempotency-key': 'slow' } });
      await until(async () => expect((await server.list()).items.map(({ status }) => status.state)).toEqual(['Pending']));
    });

    test('waits from its start: what its write took is no longer there for the wait (L15)', async () => {
      const clock = new ManualClock(new Date());
      const before = async (right: UsedRight) => {
        if (right === 'create batchsandboxes') await clock.advance(1_000);
      };
      const brisk = await server.world.replica(BRISK, { clock, before });
      const answers: unknown[] = [];
      const making = brisk.send('POST', '/v1/sandboxes', { body: direct() }).then((answer) => answers.push(answer));
      await untilWith(clock, () => expect(answers).toMatchObject([{ status: 503, body: { code: 'KUBERNETES::POD_READY_TIMEOUT' } }]), 0);
      await making;
    });

    test('that answers at once is confirmed before its answer where it could stay for ever, and leaves nothing when its caller has gone (L18, L23)', async () => {
      const marks: unknown[] = [];
      const before = async (right: UsedRight, path: string) => {
        const [, id = ''] = /batchsandboxes\/([^?]+)/.exec(path) ?? [];
        if (right === 'patch batchsandboxes') marks.push((await server.world.operator.batch(id)).metadata.annotations?.[Annotation.confirmBy]);
      };
      const patient = await server.world.replica('', { before });
      const headers = { prefer: 'respond-async' };
      const send = async (body: object) => (await patient.send<SandboxReply>('POST', '/v1/sandboxes', { body, headers })).body.id;
      const ids = [await send(direct({ timeout: null })), await send(pooled())];
      expect(marks).toEqual([expect.stringMatching(/Z$/)]);
      for (const id of ids) {
        const { annotations } = (await server.world.operator.batch(id)).metadata;
        expect(annotations).not.toHaveProperty([Annotation.confirmBy]);
        expect(annotations).not.toHaveProperty([Annotation.deliverBy]);
      }
      const caller = new AbortController();
      const making = server.send('POST', '/v1/sandboxes', { body: pooled(), headers, signal: caller.signal });
      caller.abort();
      expect(await making).toMatchObject({ status: 503 });
      await until(async () => expect((await server.list()).items.map(({ id }) => id).sort()).toEqual(ids.sort()));
    });

    test('whose caller goes away leaves nothing (L18)', async () => {
      const caller = new AbortController();
      const making = server.send('POST', '/v1/sandboxes', { body: direct(), signal: caller.signal });
      await until(async () => expect((await server.list()).items).toHaveLength(1));
      caller.abort();
      await making;
      await until(async () => expect((await server.list()).items).toEqual([]));
    });

    test('whose server died before the answer is taken back by any other, at its time (L42)', async () => {
      const clock = hourAhead();
      const sweeper = await server.world.replica(BRISK, { clock });
      // What is left of a server that is killed: the sandbox as it was written.
      const { id } = await server.create(direct(), { prefer: 'respond-async' });
      const kept = await server.create();
      const confirmBy = new Date(clock.now().getTime() + 30_000).toISOString();
      await annotate(id, { [Annotation.confirmBy]: confirmBy });
      await until(() => expect(sweeper.server.sandboxes.find(id)?.metadata.annotations?.[Annotation.confirmBy]).toBe(confirmBy));
      await untilWith(clock, async () => expect((await server.list()).items.map((sandbox) => sandbox.id)).toEqual([kept.id]), 5_000);
    });

    test('that is confirmed while another server is about to take it back stays', async () => {
      const clock = hourAhead();
      const ids: string[] = [];
      const tried: string[] = [];
      const before = async (right: UsedRight, path: string) => {
        if (right !== 'delete batchsandboxes') return;
        const [, id = ''] = /batchsandboxes\/([^?]+)/.exec(path) ?? [];
        tried.push(id);
        if (id === ids[0]) await annotate(id, { [Annotation.confirmBy]: null });
      };
      const sweeper = await server.world.replica(BRISK, { clock, before });
      const confirmBy = new Date(clock.now().getTime() + 30_000).toISOString();
      for (const _ of ['confirmed', 'abandoned']) {
        const { id } = await server.create(direct(), { prefer: 'respond-async' });
        await annotate(id, { [Annotation.confirmBy]: confirmBy });
        await until(() => expect(sweeper.server.sandboxes.find(id)?.metadata.annotations?.[Annotation.confirmBy]).toBe(confirmBy));
        ids.push(id);
      }
      const [confirmed = ''] = ids;
      // They are looked at in the order in which they came.
      await untilWith(clock, async () => expect((await server.list()).items.map((sandbox) => sandbox.id)).not.toContain(ids[1]), 5_000);
      expect(tried).toContain(confirmed);
      expect((await server.world.operator.batch(confirmed)).metadata).not.toHaveProperty('deletionTimestamp');
    });

    test('that is taken back just before it is confirmed is not told of as running', async () => {
      const before = async (right: UsedRight, path: string) => {
        if (right === 'patch batchsandboxes') await server.world.operator.delete(path.split('?')[0] ?? '');
      };
      const patient = await server.world.replica('', { before });
      expect(await patient.send('POST', '/v1/sandboxes', { body: pooled({ timeout: null }) })).toMatchObject({ status: 500, body: { code: 'KUBERNETES::POD_FAILED' } });
    });
  });
}
