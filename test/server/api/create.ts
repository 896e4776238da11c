import type { KubeApi } from '../../../operator/kube/api';
import { readConfig } from '../../../server/config/read-config';
import { LifecycleError } from '../../../server/lifecycle-error';
import { type CreatorOptions, SandboxCreator } from '../../../server/sandboxes/creator';
import { PlatformCheck } from '../../../server/sandboxes/platform-check';
import type { SandboxStore } from '../../../server/sandboxes/sandbox-store';
import { createLogger } from '../../../src/program/log';
import type { EndpointReply, SandboxReply } from '../../../src/schema/lifecycle-reply';
import type { CreateSandboxRequest } from '../../../src/schema/lifecycle-request';
import { Annotation, Label } from '../../../src/schema/names';
import { ManualClock, settle, untilWith } from '../../support/manual-clock';
import { pathOf } from '../../support/operator-in-process';
import { QUOTA_REFUSAL, refusePods } from '../../support/refuse-pods';
import { until } from '../../support/waiting';
import { BRISK, direct, pooled, ROOM, type ServerUnderTest } from './server-under-test';

/** How sandboxes are made. */
export function createSuite(server: ServerUnderTest): void {
  describe('create', () => {
    test('from a pool takes one write, answers when the sandbox runs, and says what had no effect (L20, L21, L22, L23, L24)', async () => {
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

    test('waits for events alone: it is answered while the clock stands still (L14)', async () => {
      const replica = await server.world.replica(BRISK, { clock: new ManualClock(new Date()) });
      expect(await replica.send('POST', '/v1/sandboxes', { body: pooled() })).toMatchObject({ status: 202, body: { status: { state: 'Running' } } });
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
      const { metadata, spec } = await server.world.operator.batch(id);
      expect(spec.taskTemplate).toEqual({ spec: { process } });
      // Its variables come after its address is published: who asks for commands says so, and waits for them.
      const headersOf = async (port: number, query = '') => (await server.send<EndpointReply>('GET', `/v1/sandboxes/${id}/endpoints/${port}?${query}`)).body.headers;
      expect([await headersOf(44772), await headersOf(80)]).toEqual([{ 'X-EXECD-TASK-UID': metadata.uid }, undefined]);
      expect(await headersOf(44772, 'use_server_proxy=true')).toEqual({ 'X-EXECD-TASK-UID': metadata.uid, 'OpenSandbox-Secure-Access': expect.stringMatching(/./) as string });
    });

    test('without a pool makes a pod with the executor beside it, and without an account of the cluster (L11, L12)', async () => {
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
    ])('refuses %s (L8, L11, L13, L21, L38)', async (_case, body, code, message) => {
      const answer = await server.send('POST', '/v1/sandboxes', { body });
      expect(answer).toMatchObject({ status: 400, body: { code, message: expect.stringContaining(message) as string } });
      expect(JSON.stringify(answer.body)).not.toContain('s3cret');
      expect((await server.list()).items).toEqual([]);
    });

    test('says at once that there is no such pool, and that there are no snapshots (L19)', async () => {
      expect(await server.send('POST', '/v1/sandboxes', { body: pooled({ extensions: { poolRef: 'none' } }) })).toMatchObject({ status: 404, body: { code: 'KUBERNETES::POOL_NOT_FOUND' } });
      expect(await server.send('POST', '/v1/sandboxes', { body: direct({ image: undefined, snapshotId: 's' }) })).toMatchObject({ status: 501, body: { code: 'SNAPSHOT::NOT_IMPLEMENTED' } });
    });

    test('says at once that no node has a platform, where nodes say what they have and that is to be looked at (L19)', async () => {
      const { operator, replica } = server.world;
      const clock = new ManualClock(new Date());
      const still = await replica(BRISK, { clock });
      const ofPlatform = async ({ send } = still, arch = 'arm64') => (await send('POST', '/v1/sandboxes', { body: direct({ platform: { os: 'linux', arch } }), headers: { prefer: 'respond-async' } })).status;
      await operator.createNode('unlabelled', {});
      expect(await ofPlatform()).toBe(202);
      await operator.createNode('amd', { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' });
      await clock.advance(10_000);
      expect([await ofPlatform(), await ofPlatform(still, 'amd64')]).toEqual([400, 202]);
      expect(await still.send('POST', '/v1/sandboxes', { body: direct({ platform: { os: 'linux', arch: 'arm64' } }) })).toMatchObject({
        status: 400,
        body: { code: 'SANDBOX::INVALID_PARAMETER', message: "platform: expected one that a node of the cluster has, got 'linux/arm64'" },
      });
      expect(await ofPlatform(await replica(`${BRISK.split('[server]')[0] ?? ''}platform_check = false\n`))).toBe(202);
      await operator.createNode('arm', { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'arm64' });
      expect(await ofPlatform()).toBe(400); // an answer is good for 10 s
      await clock.advance(10_000);
      expect(await ofPlatform()).toBe(202);
    });

    test('waits 3 s at most to know the platforms of nodes, and makes nothing for a caller who has gone meanwhile (L19)', async () => {
      const clock = new ManualClock();
      const log = createLogger('test', 'error', { write: () => undefined });
      const has: KubeApi['has'] = (_type, _query, { signal } = {}) => new Promise<never>((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
      const platforms = new PlatformCheck({ api: { has }, clock, log });
      const caller = new AbortController();
      const made: unknown[] = [];
      const store: Partial<SandboxStore> = { find: () => undefined, create: (object) => Promise.reject(new Error(`made ${made.push(object)}`)) };
      const read = readConfig('');
      if (!read.ok) throw new Error(read.problems.join('; '));
      const options: Partial<CreatorOptions> = { store: store as SandboxStore, platforms, config: read.config, clock, log, namespace: 'default', version: '1', newId: () => 'a' };
      const create = (signal: AbortSignal) => {
        const request: CreateSandboxRequest = { ...direct(), platform: { os: 'linux', arch: 'arm64' }, secureAccess: false };
        return new SandboxCreator(options as CreatorOptions).create({ request, isAsync: false, signal }).catch((error: unknown) => (error instanceof LifecycleError ? error.code : 'failed'));
      };
      const outcomes: unknown[] = [];
      for (const { signal } of [caller, new AbortController()]) void create(signal).then((outcome) => outcomes.push(outcome));
      await clock.advance(2_999);
      caller.abort();
      await settle();
      expect([outcomes, made]).toEqual([[], []]);
      await clock.advance(1);
      expect([outcomes.length, outcomes[0], made.length, clock.timerCount]).toEqual([2, 'GENERAL::SHUTTING_DOWN', 1, 0]);
    });

    test('says at once that a quota refuses its pod, and those of its pool when a pod that went has gone for sure (L19)', async () => {
      const { operator, replica } = server.world;
      const capacity = (buffer: number) => ({ capacitySpec: { bufferMin: buffer, bufferMax: buffer, poolMin: 0, poolMax: 2 } });
      const idle = async () => (await operator.pods()).filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === 'scarce').map(({ metadata }) => metadata.name);
      await operator.createPool('scarce', capacity(1));
      const [pod = ''] = await until(async () => {
        const pods = await idle();
        expect(pods).toHaveLength(1);
        return pods;
      });
      const allowPods = refusePods(operator.manager.api, QUOTA_REFUSAL);
      try {
        await operator.patch(pathOf('pools', 'scarce'), { spec: capacity(2) });
        await until(async () => expect((await operator.pool('scarce')).status).toMatchObject({ total: 1, conditions: [{ type: 'ScaleBlocked', reason: 'QuotaExceeded' }] }));
        const clock = new ManualClock(new Date(Date.now() + 3_600_000)); // the refusal is old
        const { send } = await replica(BRISK.replace('create_timeout_seconds = 1\n', 'create_timeout_seconds = 100\n'), { clock });
        const refused = { status: 403, body: { code: 'KUBERNETES::QUOTA_EXCEEDED', message: expect.stringContaining("quota 'compute' of the namespace is used up") as string } };
        expect(await send('POST', '/v1/sandboxes', { body: direct() })).toMatchObject(refused);
        expect(clock.monotonicMs()).toBe(0);
        await operator.delete(pathOf('pods', pod));
        await until(async () => expect((await operator.pool('scarce')).status).toMatchObject({ total: 0 }));
        const answers: unknown[] = [];
        void send('POST', '/v1/sandboxes', { body: pooled({ extensions: { poolRef: 'scarce' } }) }).then((answer) => answers.push(answer));
        await untilWith(clock, () => expect(answers).toMatchObject([refused]), 1_000);
        expect(clock.monotonicMs()).toBeGreaterThanOrEqual(40_000);
        await until(async () => expect(await operator.batches()).toEqual([]));
      } finally {
        allowPods();
        await operator.delete(pathOf('pools', 'scarce'));
      }
    });

    test('answers at once where the caller prefers that (L23)', async () => {
      const { id, status } = await server.create(direct(), { prefer: 'respond-async' });
      expect(status.state).toBe('Pending');
      expect((await server.send('GET', `/sandboxes/${id}/endpoints/80`)).body).toMatchObject({ code: 'KUBERNETES::POD_IP_NOT_AVAILABLE' });
    });
  });
}
