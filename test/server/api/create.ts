import { idOfKey } from '../../../server/sandboxes/create-plan';
import type { SandboxReply } from '../../../src/schema/lifecycle-reply';
import { Annotation, Label } from '../../../src/schema/names';
import { ManualClock, untilWith } from '../../support/manual-clock';
import { pathOf } from '../../support/operator-in-process';
import { until } from '../../support/waiting';
import type { UsedRight } from '../recorded-connection';
import { BRISK, direct, IMPATIENT_FOR_ROOM, POOL_SIZE, pooled, ROOM, type ServerUnderTest } from './server-under-test';

/** How sandboxes are made. */
export function createSuite(server: ServerUnderTest): void {
  const annotate = (id: string, annotations: Readonly<Record<string, string | null>>) => server.world.operator.patch(pathOf('batchsandboxes', id), { metadata: { annotations } });

  describe('create', () => {
    test('from a pool takes one write, answers when the sandbox runs, and says what had no effect', async () => {
      const askedAt = Date.now();
      const answer = await server.send<SandboxReply>('POST', '/sandboxes', { body: pooled({ metadata: { team: 'a' } }) });
      expect(answer).toMatchObject({ status: 202, body: { status: { state: 'Running' }, entrypoint: ['tail', '-f', '/dev/null'], metadata: { team: 'a' }, allocation: { mode: 'pool', poolRef: 'warm', state: 'allocated' } } });
      expect(answer.headers.get('opensandbox-ignored')).toBe('image, resourceLimits');
      const { id, expiresAt = '' } = answer.body;
      const batch = await server.world.operator.batch(id);
      expect(batch.spec).toEqual({ replicas: 1, poolRef: 'warm', expireTime: expiresAt, taskResourcePolicyWhenCompleted: 'Retain' });
      expect(batch.metadata.labels).toEqual({ team: 'a', [Label.sandboxId]: id });
      expect(batch.metadata.annotations).toHaveProperty([Annotation.deliverBy]);
      const lifeFrom = Date.parse(expiresAt) - 600_000;
      expect([askedAt <= lifeFrom, lifeFrom <= Date.now()]).toEqual([true, true]);
      // Whatever is asked afterwards says the same (L22).
      expect((await server.send('GET', `/v1/sandboxes/${id}`)).body).toEqual(answer.body);
      expect((await server.list()).items).toEqual([answer.body]);
    });

    test('has an endpoint for any port, from the cache', async () => {
      const { id } = await server.create();
      for (const port of [44772, 18080, 1]) {
        expect((await server.send('GET', `/v1/sandboxes/${id}/endpoints/${port}?use_server_proxy=false`)).body).toEqual({ endpoint: `198.18.0.1:${port}` });
      }
      expect((await server.send('GET', `/sandboxes/${id}/endpoints/65536`)).body).toMatchObject({ code: 'DOCKER::INVALID_PORT' });
    });

    test('runs an entrypoint and an environment as the task of the sandbox', async () => {
      const { id, entrypoint } = await server.create(pooled({ entrypoint: ['python', 'app.py'], env: { A: '1', B: null } }));
      expect(entrypoint).toEqual(['python', 'app.py']);
      const process = { command: ['python', 'app.py'], env: [{ name: 'A', value: '1' }, { name: 'B', value: '' }] };
      expect((await server.world.operator.batch(id)).spec.taskTemplate).toEqual({ spec: { process } });
    });

    test('without a pool makes a pod with the executor beside it, and without an account of the cluster', async () => {
      const making = server.create(direct({ env: { A: '1' }, volumes: [{ name: 'data', mountPath: '/data', pvc: { claimName: 'data' }, subPath: 'a' }], platform: { os: 'linux', arch: 'amd64' }, image: { uri: 'registry.example/app:1', auth: { username: 'u', password: 'p' } } }));
      const readying = until(async () => {
        await server.world.operator.makeReady();
        expect((await server.world.operator.pods()).filter(({ spec }) => spec?.containers?.[0]?.name === 'sandbox').map(({ status }) => status?.podIP)).toEqual(['198.18.0.1']);
      });
      const [sandbox] = await Promise.all([making, readying]);
      expect(sandbox).toMatchObject({ status: { state: 'Running' }, image: { uri: 'registry.example/app:1' }, platform: { os: 'linux', arch: 'amd64' } });
      const pod = (await server.world.operator.pods()).find(({ metadata }) => metadata.name === `${sandbox.id}-0`);
      expect(pod?.spec).toMatchObject({
        automountServiceAccountToken: false,
        shareProcessNamespace: true,
        nodeSelector: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
        imagePullSecrets: [{ name: `opensandbox-image-auth-${sandbox.id}` }],
          volumes: expect.arrayContaining([{ name: 'data', persistentVolumeClaim: { claimName: 'data', readOnly: false } }]) as object[],
        containers: [
          { name: 'sandbox', image: 'registry.example/app:1', command: ['sleep', 'infinity'], env: [{ name: 'A', value: '1' }, {}], resources: { limits: { cpu: '1', memory: '500Mi' } }, volumeMounts: [{ name: 'data', mountPath: '/data', readOnly: false, subPath: 'a' }] },
          { name: 'task-executor' },
        ],
      });
      // A create that is answered is not taken back.
      expect((await server.world.operator.batch(sandbox.id)).metadata.annotations).not.toHaveProperty([Annotation.confirmBy]);
    });

    test.each([
      ['wrong types, all of them', pooled({ timeout: '60', metadata: { a: 1 } }), 'SANDBOX::INVALID_PARAMETER', "timeout: expected a whole number of at least 60, got '60'; metadata.a: expected text, got 1"],
      ['a life that is too short', pooled({ timeout: 59 }), 'SANDBOX::INVALID_PARAMETER', 'timeout: expected a whole number of at least 60, got 59'],
      ['a life that is too long', pooled({ timeout: 86_401 }), 'SANDBOX::INVALID_PARAMETER', 'timeout: expected at most 86400 seconds'],
      ['no end where there must be one', pooled({ timeout: null }), 'SANDBOX::INVALID_PARAMETER', 'timeout: expected at most 86400 seconds'],
      ['a reserved label', pooled({ metadata: { 'opensandbox.io/id': 'x' } }), 'SANDBOX::INVALID_METADATA_LABEL', 'expected a key outside opensandbox.io'],
      ['a reserved subdomain', pooled({ metadata: { 'pool.opensandbox.io/evict': 'x' } }), 'SANDBOX::INVALID_METADATA_LABEL', 'expected a key outside opensandbox.io'],
      ['a value that is no label', pooled({ metadata: { team: 'a b' } }), 'SANDBOX::INVALID_METADATA_LABEL', 'expected a label value'],
      ['what a pool cannot honour', pooled({ volumes: [{ name: 'v', mountPath: '/v', pvc: { claimName: 'c' } }], networkPolicy: { defaultAction: 'deny' }, platform: { os: 'linux', arch: 'amd64' } }), 'SANDBOX::INVALID_PARAMETER', 'networkPolicy: expected nothing'],
      ['a name of a variable, which may hold a secret', pooled({ env: { 'KEY=s3cret': 'x' } }), 'SANDBOX::INVALID_PARAMETER', "env: expected names without '=' of 1 to 256 characters, got another"],
      ['no entrypoint', direct({ entrypoint: undefined }), 'DOCKER::INVALID_ENTRYPOINT', 'entrypoint: expected the command'],
      ['neither image nor pool', { timeout: 60 }, 'SANDBOX::INVALID_PARAMETER', 'image: expected an image, or extensions.poolRef, got nothing'],
      ['a blank pool is none', direct({ extensions: { poolRef: ' ' }, image: undefined }), 'SANDBOX::INVALID_PARAMETER', 'image: expected an image'],
      ['a path of the node', direct({ volumes: [{ name: 'v', mountPath: '/v', host: { path: '/etc' } }] }), 'VOLUME::INVALID', 'volumes[0].host.path: expected no path of the node'],
      ['a way out of a volume', direct({ volumes: [{ name: 'v', mountPath: '/v', pvc: { claimName: 'c' }, subPath: 'a/../..' }] }), 'VOLUME::INVALID', 'volumes[0].subPath: expected a relative path without ..'],
      ['a token without a gateway', pooled({ secureAccess: true }), 'SANDBOX::INVALID_PARAMETER', 'secureAccess: expected false'],
      ['a renewal out of bounds', pooled({ extensions: { ...ROOM, 'access.renew.extend.seconds': '10' } }), 'SANDBOX::INVALID_PARAMETER', 'expected a whole number from 300 to 86400'],
    ])('refuses %s', async (_case, body, code, message) => {
      const answer = await server.send('POST', '/v1/sandboxes', { body });
      expect(answer).toMatchObject({ status: 400, body: { code, message: expect.stringContaining(message) as string } });
      expect(JSON.stringify(answer.body)).not.toContain('s3cret');
      expect((await server.list()).items).toEqual([]);
    });

    test('says at once that there is no such pool, and that there are no snapshots', async () => {
      expect(await server.send('POST', '/v1/sandboxes', { body: pooled({ extensions: { poolRef: 'none' } }) })).toMatchObject({ status: 404, body: { code: 'KUBERNETES::POOL_NOT_FOUND' } });
      expect(await server.send('POST', '/v1/sandboxes', { body: direct({ image: undefined, snapshotId: 's' }) })).toMatchObject({ status: 501, body: { code: 'SNAPSHOT::NOT_IMPLEMENTED' } });
    });

    test('with one key more than once, on any replica, makes one sandbox', async () => {
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

    test('with a key leaves a sandbox that another create with it has told of, whatever becomes of it', async () => {
      const headers = { 'idempotency-key': 'told' };
      const { id } = await server.create(direct(), { ...headers, prefer: 'respond-async' });
      const pod = pathOf('pods', `${id}-0`);
      await until(() => server.world.operator.podAt(pod));
      await server.world.operator.patch(`${pod}/status`, { status: { containerStatuses: [{ name: 'sandbox', state: { waiting: { reason: 'ImagePullBackOff' } } }] } });
      expect(await server.send('POST', '/v1/sandboxes', { body: direct(), headers })).toMatchObject({ status: 500, body: { code: 'KUBERNETES::POD_FAILED' } });
      expect((await server.world.operator.batch(id)).metadata).not.toHaveProperty('deletionTimestamp');
    });

    test('with a key keeps the sandbox that it meets for as long as if it had made it', async () => {
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

    test('that finds a full pool says so, may be repeated later, and leaves nothing but what has a key', async () => {
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

    test('that is not ready in time says so and leaves nothing, but for a key that may be repeated', async () => {
      const brisk = await server.world.replica(BRISK);
      const late = await brisk.send('POST', '/v1/sandboxes', { body: direct() });
      expect(late).toMatchObject({ status: 503, body: { code: 'KUBERNETES::POD_READY_TIMEOUT' } });
      expect(late.headers.get('retry-after')).toBe('1');
      await until(async () => expect((await server.list()).items).toEqual([]));
      await brisk.send('POST', '/v1/sandboxes', { body: direct(), headers: { 'idempotency-key': 'slow' } });
      await until(async () => expect((await server.list()).items.map(({ status }) => status.state)).toEqual(['Pending']));
    });

    test('answers at once where the caller prefers that', async () => {
      const { id, status } = await server.create(direct(), { prefer: 'respond-async' });
      expect(status.state).toBe('Pending');
      expect((await server.send('GET', `/sandboxes/${id}/endpoints/80`)).body).toMatchObject({ code: 'KUBERNETES::POD_IP_NOT_AVAILABLE' });
    });

    test('that answers at once is confirmed before its answer where it could stay for ever, and leaves nothing when its caller has gone', async () => {
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

    test('whose caller goes away leaves nothing', async () => {
      const caller = new AbortController();
      const making = server.send('POST', '/v1/sandboxes', { body: direct(), signal: caller.signal });
      await until(async () => expect((await server.list()).items).toHaveLength(1));
      caller.abort();
      await making;
      await until(async () => expect((await server.list()).items).toEqual([]));
    });

    test('whose server died before the answer is taken back by any other, at its time', async () => {
      const clock = new ManualClock(new Date());
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
      const clock = new ManualClock(new Date());
      let confirmed = '';
      const before = async (right: UsedRight, path: string) => {
        if (right === 'delete batchsandboxes' && path.includes(confirmed)) await annotate(confirmed, { [Annotation.confirmBy]: null });
      };
      const sweeper = await server.world.replica(BRISK, { clock, before });
      const ids: string[] = [];
      const confirmBy = new Date(clock.now().getTime() + 30_000).toISOString();
      for (const _ of ['confirmed', 'abandoned']) {
        const { id } = await server.create(direct(), { prefer: 'respond-async' });
        await annotate(id, { [Annotation.confirmBy]: confirmBy });
        await until(() => expect(sweeper.server.sandboxes.find(id)?.metadata.annotations?.[Annotation.confirmBy]).toBe(confirmBy));
        ids.push(id);
      }
      [confirmed = ''] = ids;
      // They are looked at in the order in which they came.
      await untilWith(clock, async () => expect((await server.list()).items.map((sandbox) => sandbox.id)).not.toContain(ids[1]), 5_000);
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
