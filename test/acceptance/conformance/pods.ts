import type { ApiUnderTest } from '../../support/api-under-test';

/** The spec of a pod with one container that has this. */
const main = (container: object, spec: object = {}) => ({ containers: [{ name: 'main', image: 'i', ...container }], ...spec });
const ready = (probe: object) => main({ readinessProbe: probe });
const exec = { exec: { command: ['true'] } };
const volume = (source: object) => main({}, { volumes: [{ name: 'v', ...source }] });
const mounts = (...list: object[]) => main({ volumeMounts: list }, { volumes: [{ name: 'v', emptyDir: {} }] });

const VALID: readonly (readonly [string, object])[] = [
  ['one container', main({})],
  ['one of everything', main(
    {
      env: [{ name: 'a.b-c', value: '1' }, { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }],
      envFrom: [{ configMapRef: { name: 'c' } }],
      ports: [{ containerPort: 80, name: 'http' }, { containerPort: 80, protocol: 'UDP' }],
      resources: { requests: { cpu: '500m', memory: '1024Mi' }, limits: { cpu: '0.5', memory: '1Gi', 'example.com/gpu': 1 } },
      volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a/b' }],
      readinessProbe: { httpGet: { port: 'http' } },
      lifecycle: { preStop: exec },
      securityContext: { runAsUser: 0, capabilities: { add: ['SYS_PTRACE'] } },
    },
    { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Gi' } }, { name: 'h', hostPath: { path: '/h' } }], tolerations: [{ operator: 'Exists' }], hostname: 'h', shareProcessNamespace: true },
  )],
  ['a sidecar that is asked how it is', main({}, { initContainers: [{ name: 'side', image: 'i', restartPolicy: 'Always', readinessProbe: exec }] })],
];

/** What is wrong, where Kubernetes sees it (below `spec`), and the spec. */
const INVALID: readonly (readonly [string, string, object])[] = [
  ['no container', 'containers', {}],
  ['no image', 'containers[0].image', main({ image: undefined })],
  ['an image with a space before it', 'containers[0].image', main({ image: ' i' })],
  ['a port beyond the last', 'containers[0].ports[0].containerPort', main({ ports: [{ containerPort: 65_536 }] })],
  ['a port of the node beyond the last', 'containers[0].ports[0].hostPort', main({ ports: [{ containerPort: 80, hostPort: 65_536 }] })],
  ['a long name of a port', 'containers[0].ports[0].name', main({ ports: [{ containerPort: 80, name: 'sixteen-letters-' }] })],
  ['two ports of a name', 'containers[0].ports[1].name', main({ ports: [{ containerPort: 80, name: 'a' }, { containerPort: 81, name: 'a' }] })],
  ['another port of the node in its network', 'containers[0].ports[0].hostPort', main({ ports: [{ containerPort: 80, hostPort: 81 }] }, { hostNetwork: true })],
  ['a variable without a name', 'containers[0].env[0].name', main({ env: [{ name: '' }] })],
  ['a variable with = in its name', 'containers[0].env[0].name', main({ env: [{ name: 'a=b' }] })],
  ['a variable from two sources', 'containers[0].env[0].valueFrom', main({ env: [{ name: 'a', valueFrom: { fieldRef: { fieldPath: 'metadata.name' }, secretKeyRef: { name: 's', key: 'k' } } }] })],
  ['a variable from no source', 'containers[0].env[0].valueFrom', main({ env: [{ name: 'a', valueFrom: {} }] })],
  ['a variable with a value and a source', 'containers[0].env[0].valueFrom', main({ env: [{ name: 'a', value: 'b', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] })],
  ['a variable from a secret without a key', 'containers[0].env[0].valueFrom.secretKeyRef.key', main({ env: [{ name: 'a', valueFrom: { secretKeyRef: { name: 's' } } }] })],
  ['variables from nowhere', 'containers[0].envFrom', main({ envFrom: [{}] })],
  ['an unknown policy of messages', 'containers[0].terminationMessagePolicy', main({ terminationMessagePolicy: 'Maybe' })],
  ['two mounts at a path', 'containers[0].volumeMounts[1].mountPath', mounts({ name: 'v', mountPath: '/a' }, { name: 'v', mountPath: '/a' })],
  ['a mount without a path', 'containers[0].volumeMounts[0].mountPath', mounts({ name: 'v', mountPath: '' })],
  ['a mount of no volume', 'containers[0].volumeMounts[0].name', mounts({ name: 'w', mountPath: '/a' })],
  ['a mount that leaves its volume', 'containers[0].volumeMounts.subPath', mounts({ name: 'v', mountPath: '/a', subPath: 'b/../../c' })],
  ['a mount of a root', 'containers[0].volumeMounts.subPath', mounts({ name: 'v', mountPath: '/a', subPath: '/b' })],
  ['a volume of two sources', 'volumes[0].hostPath', volume({ emptyDir: {}, hostPath: { path: '/h' } })],
  ['a config map without a name', 'volumes[0].configMap.name', volume({ configMap: {} })],
  ['a secret without a name', 'volumes[0].secret.secretName', volume({ secret: {} })],
  ['a path of the node that is none', 'volumes[0].hostPath.path', volume({ hostPath: {} })],
  ['a claim without a name', 'volumes[0].persistentVolumeClaim.claimName', volume({ persistentVolumeClaim: {} })],
  ['a size below nothing', 'volumes[0].emptyDir.sizeLimit', volume({ emptyDir: { sizeLimit: '-1' } })],
  ['a request above its limit', 'containers[0].resources.requests', main({ resources: { requests: { memory: '2Gi' }, limits: { memory: '2047Mi' } } })],
  ['a resource that nobody knows', 'containers[0].resources.limits[cpus]', main({ resources: { limits: { cpus: '1' } } })],
  ['a request for a device without a limit', 'containers[0].resources.limits', main({ resources: { requests: { 'example.com/gpu': '1' } } })],
  ['a probe that does nothing', 'containers[0].readinessProbe', ready({})],
  ['a probe that does two things', 'containers[0].readinessProbe.httpGet', ready({ ...exec, httpGet: { port: 80 } })],
  ['a probe of no command', 'containers[0].readinessProbe.exec.command', ready({ exec: { command: [] } })],
  ['a probe of port 0', 'containers[0].readinessProbe.tcpSocket.port', ready({ tcpSocket: { port: 0 } })],
  ['a probe of a port with a bad name', 'containers[0].readinessProbe.httpGet.port', ready({ httpGet: { port: 'Http' } })],
  ['a period below nothing', 'containers[0].readinessProbe.periodSeconds', ready({ ...exec, periodSeconds: -1 })],
  ['a container that must be well twice', 'containers[0].livenessProbe.successThreshold', main({ livenessProbe: { ...exec, successThreshold: 2 } })],
  ['a hook that does nothing', 'containers[0].lifecycle.preStop', main({ lifecycle: { preStop: {} } })],
  ['a user below 0', 'containers[0].securityContext.runAsUser', main({ securityContext: { runAsUser: -1 } })],
  ['a group below 0', 'securityContext.fsGroup', main({}, { securityContext: { fsGroup: -1 } })],
  ['a container with capitals', 'containers[0].name', main({ name: 'A' })],
  ['two containers of one name', 'containers[1].name', { containers: [{ name: 'a', image: 'i' }, { name: 'a', image: 'i' }] }],
  ['an init container of the name of another', 'initContainers[0].name', main({}, { initContainers: [{ name: 'main', image: 'i' }] })],
  ['an init container with a probe', 'initContainers[0].readinessProbe', main({}, { initContainers: [{ name: 'x', image: 'i', readinessProbe: exec }] })],
  ['an unknown restart policy', 'restartPolicy', main({}, { restartPolicy: 'Sometimes' })],
  ['an unknown DNS policy', 'dnsPolicy', main({}, { dnsPolicy: 'Maybe' })],
  ['no DNS at all', 'dnsConfig', main({}, { dnsPolicy: 'None' })],
  ['a host name with capitals', 'hostname', main({}, { hostname: 'Host' })],
  ['a domain with capitals', 'subdomain', main({}, { subdomain: 'Domain' })],
  ['a node with capitals', 'nodeName', main({}, { nodeName: 'Node' })],
  ['a label of nodes with a space', 'nodeSelector', main({}, { nodeSelector: { 'a b': 'c' } })],
  ['a toleration of an unknown kind', 'tolerations[0].operator', main({}, { tolerations: [{ key: 'a', operator: 'Maybe' }] })],
  ['a toleration of any value, with a value', 'tolerations[0].operator', main({}, { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] })],
  ['a toleration for a time that does not evict', 'tolerations[0].effect', main({}, { tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 5 }] })],
  ['processes shared with all and with the pod', 'securityContext.shareProcessNamespace', main({}, { hostPID: true, shareProcessNamespace: true })],
];

/** Tests of what a pod may be, and of what every namespace has for its pods. */
export function describePods(api: ApiUnderTest): void {
  const create = (spec: object) => api.request<{ details?: { causes?: readonly { field: string }[] } }>('POST', '/api/v1/namespaces/default/pods?dryRun=All', { metadata: { name: 'p' }, spec });

  test.each(VALID)('a pod may have %s', async (_, spec) => {
    expect(await create(spec)).toMatchObject({ status: 201 });
  });

  test.each(INVALID)('a pod may not have %s', async (_, field, spec) => {
    const { status, body } = await create(spec);
    expect([status, body.details?.causes?.map((cause) => cause.field)]).toEqual([422, expect.arrayContaining([`spec.${field}`])]);
  });

  test.each([
    ['flag', main({ tty: 'yes' })],
    ['list', { containers: 'none' }],
  ])('a text where a %s is wanted can not be read', async (_, spec) => {
    expect(await create(spec)).toMatchObject({ status: 400, body: { reason: 'BadRequest' } });
  });

  test('a namespace has an account for its pods, and the certificate of the API server', async () => {
    const namespace = await api.newNamespace();
    const { stdout } = await api.kubectl(['-n', namespace, 'wait', '--for=create', '--timeout=20s', 'sa/default', 'cm/kube-root-ca.crt', '-o', 'name']);
    expect(stdout.trim().split('\n').sort()).toEqual(['configmap/kube-root-ca.crt', 'serviceaccount/default']);
    const { body } = await api.request('GET', `/api/v1/namespaces/${namespace}/configmaps/kube-root-ca.crt`);
    expect(body).toMatchObject({ data: { 'ca.crt': expect.stringContaining('BEGIN CERTIFICATE') } });
  });

  test.each([
    ['limitBytes=0', 422, 'Invalid'],
    ['limitBytes=abc', 400, 'BadRequest'],
    ['tailLines=abc', 400, 'BadRequest'],
  ])('the log of a pod is refused for %s, and is nothing before a node has the pod', async (query, status, reason) => {
    const namespace = await api.newNamespace();
    await api.kubectl(['-n', namespace, 'wait', '--for=create', '--timeout=20s', 'sa/default']);
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    expect((await api.request('POST', pods, { metadata: { name: 'p' }, spec: main({}, { schedulerName: 'nobody' }) })).status).toBe(201);
    expect(await api.request('GET', `${pods}/p/log?${query}`)).toMatchObject({ status, body: { kind: 'Status', reason } });
    expect(await api.request('GET', `${pods}/p/log?limitBytes=1`)).toEqual({ status: 204, body: '' });
  });

  test('an eviction deletes a pod', async () => {
    const namespace = await api.newNamespace();
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    await api.kubectl(['-n', namespace, 'wait', '--for=create', '--timeout=20s', 'sa/default']);
    await api.request('POST', pods, { metadata: { name: 'p' }, spec: main({}, { schedulerName: 'nobody' }) });
    const evict = (name: string, more: object = {}) => api.request('POST', `${pods}/${name}/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' }, ...more });
    expect(await evict('p', { deleteOptions: { dryRun: ['All'] } })).toMatchObject({ status: 201 });
    expect(await evict('q')).toMatchObject({ status: 400, body: { reason: 'BadRequest' } });
    expect((await api.request('GET', `${pods}/p`)).status).toBe(200);
    expect(await evict('p')).toMatchObject({ status: 201, body: { kind: 'Status', status: 'Success' } });
    expect((await api.request('GET', `${pods}/p`)).status).toBe(404);
    expect(await evict('p')).toMatchObject({ status: 404, body: { reason: 'NotFound' } });
  });
}
