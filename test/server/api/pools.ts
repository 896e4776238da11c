import type { PoolReply } from '../../../src/schema/lifecycle-pools';
import { ManualClock } from '../../support/manual-clock';
import { until } from '../../support/waiting';
import type { ServerUnderTest } from './server-under-test';

const capacitySpec = { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 5 };
const template = (spec: object = {}, container: object = {}) => ({ spec: { containers: [{ name: 'main', image: 'busybox', ...container }], ...spec } });

/** Pools over REST. */
export function poolSuite(server: ServerUnderTest): void {
  describe('a pool', () => {
    test('is made, told of, changed and deleted, with its strategies and without its template (L36)', async () => {
      const strategies = { recycleStrategy: { type: 'Restart' }, scaleStrategy: { maxUnavailable: '50%' } };
      const made = await server.send<PoolReply>('POST', '/v1/pools', { body: { name: 'rest', template: template(), capacitySpec, ...strategies } });
      expect(made).toMatchObject({ status: 201, body: { name: 'rest', capacitySpec, ...strategies, createdAt: expect.stringMatching(/Z$/) as string } });
      expect(made.body).not.toHaveProperty('template');
      await until(async () => expect((await server.send<PoolReply>('GET', '/v1/pools/rest')).body.status).toMatchObject({ total: 0, available: 0, revision: expect.any(String) as string }));
      expect(await server.send('POST', '/pools', { body: { name: 'rest', template: template(), capacitySpec } })).toMatchObject({ status: 409, body: { code: 'KUBERNETES::POOL_ALREADY_EXISTS' } });

      const larger = { ...capacitySpec, poolMax: 7 };
      expect(await server.send('PUT', '/v1/pools/rest', { body: { capacitySpec: larger } })).toMatchObject({ status: 200, body: { capacitySpec: larger, ...strategies } });
      const names = async (query = '') => (await server.send<{ items: readonly PoolReply[]; pagination?: object }>('GET', `/v1/pools${query}`)).body;
      expect((await names()).items.map(({ name }) => name)).toEqual(['rest', 'warm']);
      expect(await names('?page=2&pageSize=1')).toMatchObject({ items: [{ name: 'warm' }], pagination: { totalItems: 2, hasNextPage: false } });

      expect((await server.send('DELETE', '/v1/pools/rest')).status).toBe(204);
      await until(async () => expect((await server.send('GET', '/v1/pools/rest')).status).toBe(404));
    });

    test.each([
      ['a name that is none', { name: 'A', template: template(), capacitySpec }, 'name: expected a DNS label'],
      ['no bounds', { name: 'x', template: template() }, 'capacitySpec: expected an object, got nothing'],
      ['a lower bound above the upper', { name: 'x', template: template(), capacitySpec: { ...capacitySpec, poolMin: 6 } }, 'capacitySpec.poolMin: expected at most'],
      ['a template that no pod can be made from', { name: 'x', template: { spec: { containers: 'none' } }, capacitySpec }, 'template.spec.containers: expected a list'],
      ['a privileged container', { name: 'x', template: template({}, { securityContext: { privileged: true } }), capacitySpec }, 'template.spec.containers[0].securityContext.privileged: expected false (pools.allow_privileged is off)'],
      ['a capability', { name: 'x', template: template({}, { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }), capacitySpec }, 'capabilities.add: expected none'],
      ['the capability of the executor where processes are not shared', { name: 'x', template: template({}, { securityContext: { capabilities: { add: ['SYS_PTRACE'] } } }), capacitySpec }, 'capabilities.add: expected none'],
      ['the network of the node', { name: 'x', template: template({ hostNetwork: true }), capacitySpec }, 'template.spec.hostNetwork: expected false'],
      ['files of the node', { name: 'x', template: template({ volumes: [{ name: 'v', hostPath: { path: '/' } }] }), capacitySpec }, 'template.spec.volumes[0].hostPath: expected one of emptyDir, configMap, '],
      ['a port of the node', { name: 'x', template: template({}, { ports: [{ containerPort: 80, hostPort: 80 }] }), capacitySpec }, 'ports[0].hostPort: expected no port of the node'],
      ['an account of the cluster', { name: 'x', template: template({ serviceAccountName: 'admin' }), capacitySpec }, 'template.spec.serviceAccountName: expected no account'],
      ['the token of an account, as a volume', { name: 'x', template: template({ volumes: [{ name: 'v', projected: { sources: [{ configMap: { name: 'c' } }, { serviceAccountToken: { path: 't' } }] } }] }), capacitySpec }, 'template.spec.volumes[0].projected.sources[1].serviceAccountToken: expected one of configMap, '],
      ['a Secret, as a volume', { name: 'x', template: template({ volumes: [{ name: 'v', secret: { secretName: 'opensandbox-executor-signing-key' } }] }), capacitySpec }, 'template.spec.volumes[0].secret: expected one of emptyDir, '],
      ['a Secret, as a variable', { name: 'x', template: template({}, { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }), capacitySpec }, 'template.spec.containers[0].env[0].valueFrom.secretKeyRef: expected no Secret'],
      ['the labels of the server', { name: 'x', template: { ...template(), metadata: { labels: { 'app.kubernetes.io/name': 'opensandbox-server' } } }, capacitySpec }, "template.metadata.labels['app.kubernetes.io/name']: expected no label of the operator or the server"],
      ['no profile', { name: 'x', template: template({ securityContext: { seccompProfile: { type: 'Unconfined' } } }), capacitySpec }, 'template.spec.securityContext.seccompProfile.type: expected a profile'],
    ])('is refused with %s (L34, L35)', async (_case, body, message) => {
      expect(await server.send('POST', '/v1/pools', { body })).toMatchObject({ status: 400, body: { code: 'SANDBOX::INVALID_PARAMETER', message: expect.stringContaining(message) as string } });
    });

    test('is refused with every privilege that it asks for, at once (L34)', async () => {
      const reaching = {
        name: 'x',
        template: {
          metadata: { labels: { app: 'mine', 'control-plane': 'controller-manager', 'app.kubernetes.io/part-of': 'cdk8s-sandboxes' }, finalizers: ['example.com/keep'] },
          ...template(
            {
              automountServiceAccountToken: true,
              shareProcessNamespace: true,
              runtimeClassName: 'runc',
              priorityClassName: 'system-node-critical',
              volumes: [
                { name: 'own', emptyDir: {} },
                { name: 'shared', projected: { sources: [{ configMap: { name: 'c' } }, { secret: { name: 's' } }, { podCertificate: { keyType: 'ED25519' } }] } },
                { name: 'ephemeral', ephemeral: { volumeClaimTemplate: {} }, nfs: null },
                ...['gitRepo', 'flexVolume', 'csi', 'nfs', 'iscsi', 'ofTomorrow'].map((kind) => ({ name: kind.toLowerCase(), [kind]: {} })),
              ],
              securityContext: { seLinuxOptions: { type: 'spc_t', user: 'system_u' } },
              initContainers: [{ name: 'init', image: 'busybox', lifecycle: { preStop: { httpGet: { host: '169.254.169.254', port: 80 } } }, envFrom: [{ configMapRef: { name: 'c' } }, { secretRef: { name: 's' } }], securityContext: { seLinuxOptions: { role: 'r', level: 's0' } } }],
            },
            {
              securityContext: { capabilities: { add: ['SYS_PTRACE'] }, seLinuxOptions: { type: 'container_t' } },
              livenessProbe: { httpGet: { host: '10.0.0.1', port: 80 } },
              readinessProbe: { tcpSocket: { host: '10.0.0.1', port: 80 } },
              startupProbe: { httpGet: { host: '', port: 80 } },
              env: [{ name: 'PLAIN', value: 'x' }, { name: 'SECRET', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }],
            },
          ),
        },
        capacitySpec,
      };
      const secure = await server.world.replica('[secure_runtime]\ntype = "gvisor"\nk8s_runtime_class = "gvisor"\n');
      const { status, body } = await secure.send('POST', '/v1/pools', { body: reaching });
      expect([status, String(body.message).split('; ').map((problem) => problem.split(': expected')[0])]).toEqual([
        400,
        [
          "template.metadata.labels['control-plane']",
          "template.metadata.labels['app.kubernetes.io/part-of']",
          'template.metadata.finalizers[0]',
          'template.spec.automountServiceAccountToken',
          'template.spec.priorityClassName',
          'template.spec.runtimeClassName',
          'template.spec.securityContext.seLinuxOptions.type',
          'template.spec.securityContext.seLinuxOptions.user',
          'template.spec.volumes[1].projected.sources[1].secret',
          'template.spec.volumes[1].projected.sources[2].podCertificate',
          'template.spec.volumes[3].gitRepo',
          'template.spec.volumes[4].flexVolume',
          'template.spec.volumes[5].csi',
          'template.spec.volumes[6].nfs',
          'template.spec.volumes[7].iscsi',
          'template.spec.volumes[8].ofTomorrow',
          'template.spec.containers[0].securityContext.capabilities.add',
          'template.spec.containers[0].env[1].valueFrom.secretKeyRef',
          'template.spec.containers[0].livenessProbe.httpGet.host',
          'template.spec.containers[0].readinessProbe.tcpSocket.host',
          'template.spec.initContainers[0].securityContext.seLinuxOptions.role',
          'template.spec.initContainers[0].envFrom[1].secretRef',
          'template.spec.initContainers[0].lifecycle.preStop.httpGet.host',
        ],
      ]);
    });

    test('has no token of an account and the runtime of all sandboxes, unless its template says otherwise and may', async () => {
      const toml = '[secure_runtime]\ntype = "gvisor"\nk8s_runtime_class = "gvisor"\n';
      const [secure, open] = await Promise.all([server.world.replica(toml), server.world.replica(`${toml}[pools]\nallow_privileged = true\n`)]);
      expect((await secure.send('POST', '/v1/pools', { body: { name: 'secure', template: template(), capacitySpec } })).status).toBe(201);
      const own = template({ automountServiceAccountToken: true, runtimeClassName: 'kata' });
      expect((await open.send('POST', '/v1/pools', { body: { name: 'own', template: own, capacitySpec } })).status).toBe(201);
      const specs = await Promise.all(['secure', 'own'].map(async (name) => (await server.world.operator.pool(name)).spec.template?.spec));
      expect(specs).toMatchObject([{ automountServiceAccountToken: false, runtimeClassName: 'gvisor' }, own.spec]);
      for (const name of ['secure', 'own']) await server.send('DELETE', `/v1/pools/${name}`);
    });

    test('may have the executor beside shared processes, and privileges where the administrator allows them (L34)', async () => {
      const executor = template({ shareProcessNamespace: true }, { name: 'task-executor', securityContext: { capabilities: { add: ['SYS_PTRACE'] } } });
      const open = await server.world.replica('[pools]\nallow_privileged = true\n');
      const privileged = template({ hostNetwork: true });
      expect((await server.send('POST', '/v1/pools', { body: { name: 'sidecar', template: executor, capacitySpec } })).status).toBe(201);
      expect((await open.send('POST', '/v1/pools', { body: { name: 'open', template: privileged, capacitySpec } })).status).toBe(201);
      for (const name of ['sidecar', 'open']) expect((await server.send('DELETE', `/v1/pools/${name}`)).status).toBe(204);
    });

    test('that is not known is looked for, as often as the limit says, and not told of as missing without a look (L26)', async () => {
      const replica = await server.world.replica('', { clock: new ManualClock(new Date()) });
      const ask = async () => {
        const { status, headers, body } = await replica.send('GET', '/v1/pools/none');
        return [status, headers.get('retry-after'), body.code];
      };
      for (let read = 1; read <= 20; read += 1) expect(await ask()).toEqual([404, null, 'KUBERNETES::POOL_NOT_FOUND']);
      expect(await ask()).toEqual([503, '1', 'KUBERNETES::UNAVAILABLE']);
    });

    test('that is not there is told of as such', async () => {
      for (const [method, body] of [['GET', undefined], ['PUT', { capacitySpec }], ['DELETE', undefined]] as const) {
        expect(await server.send(method, '/v1/pools/none', { body })).toMatchObject({ status: 404, body: { code: 'KUBERNETES::POOL_NOT_FOUND' } });
      }
    });
  });
}
