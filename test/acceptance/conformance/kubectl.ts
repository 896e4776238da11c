import type { ApiUnderTest } from '../../support/api-under-test';
import { renamedCrd, widget } from '../../support/widget-crd';
import { DEPLOYMENT } from './deployment';
import { configMap, LEAF, type Owned, ownersOf } from './owned';

/** Tests of what people do by kubectl; needs the widgets to be defined. */
export function describeKubectl(api: ApiUnderTest): void {
  /** Runs kubectl in a namespace and returns what it printed; fails the test when kubectl fails. */
  async function run(namespace: string, args: readonly string[], input?: unknown): Promise<string> {
    const { exitCode, stdout, stderr } = await api.kubectl(['-n', namespace, ...args], input === undefined ? undefined : JSON.stringify(input));
    expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: expect.any(String) });
    return stdout.trim();
  }

  test('apply creates, leaves alone and changes, of built-in and of custom kinds', async () => {
    const namespace = await api.newNamespace();
    const apply = (...objects: object[]) => run(namespace, ['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: objects });
    const others = [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { a: '1' } },
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'sa' } },
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
      { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'pdb' }, spec: { maxUnavailable: 1 } },
      widget('w', { tags: ['a'] }),
    ];
    const first = await apply(DEPLOYMENT, ...others);
    expect(first.split('\n').map((line) => line.split(' ')[1])).toEqual(Array.from({ length: 7 }, () => 'created'));
    const second = await apply(DEPLOYMENT, ...others);
    expect(second.split('\n').map((line) => line.split(' ')[1])).toEqual(Array.from({ length: 7 }, () => 'unchanged'));

    const [container] = DEPLOYMENT.spec.template.spec.containers;
    const changed = { ...DEPLOYMENT, spec: { ...DEPLOYMENT.spec, template: { ...DEPLOYMENT.spec.template, spec: { containers: [{ ...container, env: [{ name: 'B', value: '3' }] }] } } } };
    expect(await apply(changed, widget('w', { tags: ['b'] }))).toBe('deployment.apps/web configured\nwidget.test.example.com/w configured');
    expect(await run(namespace, ['get', 'deploy', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].env}'])).toBe('[{"name":"B","value":"3"}]');
  });

  test('apply defines a kind, and wait sees when it is served', async () => {
    const definition = renamedCrd('gizmo', 'gz');
    expect(await run('default', ['apply', '-f', '-'], definition)).toBe('customresourcedefinition.apiextensions.k8s.io/gizmos.test.example.com created');
    await run('default', ['wait', '--for=condition=Established', '--timeout=20s', 'crd/gizmos.test.example.com']);
    expect(await run('default', ['get', 'crd', 'gizmos.test.example.com', '-o', 'name'])).toBe('customresourcedefinition.apiextensions.k8s.io/gizmos.test.example.com');
  });

  test('apply refuses a field that the schema does not know, and a value that it does not allow', async () => {
    const namespace = await api.newNamespace();
    const unknown = await api.kubectl(['-n', namespace, 'apply', '-f', '-'], JSON.stringify(widget('w', { sise: 'small' })));
    expect(unknown).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('unknown field "spec.sise"') });
    const invalid = await api.kubectl(['-n', namespace, 'apply', '-f', '-'], JSON.stringify(widget('w', { replicas: -1 })));
    expect(invalid).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^The Widget "w" is invalid: \n\* spec\.replicas: Invalid value: -1: .*\n\* \.spec\.replicas: Invalid value: -1/) });
  });

  test('get prints columns, more of them with -o wide', async () => {
    const namespace = await api.newNamespace();
    await run(namespace, ['create', '-f', '-'], widget('w', { replicas: 4 }));
    await run(namespace, ['patch', 'wd', 'w', '--subresource=status', '--type=merge', '-p', '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}']);
    const words = async (...args: string[]) => (await run(namespace, ['get', 'wd', ...args])).split('\n').map((line) => line.split(/\s+/));
    expect(await words()).toEqual([['NAME', 'WANTED', 'READY', 'AGE'], ['w', '4', 'True', expect.stringMatching(/^\d+s$/)]]);
    expect(await words('-o', 'wide')).toEqual([['NAME', 'WANTED', 'READY', 'COLOUR', 'AGE'], ['w', '4', 'True', 'red', expect.stringMatching(/^\d+s$/)]]);
    expect(await run(namespace, ['get', 'widgets', '-o', 'name'])).toBe('widget.test.example.com/w');
    expect(await run(namespace, ['get', 'widget/w', '-o', 'jsonpath={.spec.size}'])).toBe('small');
  });

  test('get prints pods as people know them', async () => {
    const namespace = await api.newNamespace();
    await run(namespace, ['create', '-f', '-'], { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { schedulerName: 'nobody', containers: [{ name: 'a', image: 'i' }] } });
    const lines = (await run(namespace, ['get', 'pods'])).split('\n').map((line) => line.split(/\s+/).slice(0, 4));
    expect(lines).toEqual([['NAME', 'READY', 'STATUS', 'RESTARTS'], ['p', '0/1', 'Pending', '0']]);
  });

  test.each([
    ['scale', ['scale', 'wd/w', '--replicas=7'], '{.spec.replicas}', '7'],
    ['scale with a precondition', ['scale', 'wd/w', '--current-replicas=1', '--replicas=3'], '{.spec.replicas}', '3'],
    ['merge patch', ['patch', 'wd', 'w', '--type=merge', '-p', '{"spec":{"size":"large"}}'], '{.spec.size}', 'large'],
    ['JSON patch', ['patch', 'wd', 'w', '--type=json', '-p', '[{"op":"replace","path":"/spec/size","value":"large"}]'], '{.spec.size}', 'large'],
    ['label', ['label', 'wd', 'w', 'a=b'], '{.metadata.labels.a}', 'b'],
    ['annotate', ['annotate', 'wd', 'w', 'a=b'], '{.metadata.annotations.a}', 'b'],
  ])('%s changes the object', async (_, args, path, value) => {
    const namespace = await api.newNamespace();
    await run(namespace, ['create', '-f', '-'], widget('w'));
    await run(namespace, args);
    expect(await run(namespace, ['get', 'wd', 'w', '-o', `jsonpath=${path}`])).toBe(value);
  });

  test('patch merges the containers of a built-in kind by their names', async () => {
    const namespace = await api.newNamespace();
    await run(namespace, ['create', '-f', '-'], DEPLOYMENT);
    await run(namespace, ['patch', 'deploy', 'web', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"web:2"}]}}}}']);
    expect(await run(namespace, ['get', 'deploy', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].ports[0].containerPort}'])).toBe('web:2 80');
  });

  test('delete waits until the object is gone; wait sees it go', async () => {
    const namespace = await api.newNamespace();
    await run(namespace, ['create', '-f', '-'], widget('w', {}, { finalizers: ['test.example.com/hold'] }));
    const deleted = run(namespace, ['delete', 'wd', 'w', '--timeout=20s']);
    const waited = run(namespace, ['wait', '--for=delete', 'wd/w', '--timeout=20s']);
    await run(namespace, ['wait', '--for=jsonpath={.metadata.deletionTimestamp}', 'wd/w', '--timeout=20s']);
    await run(namespace, ['patch', 'wd', 'w', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    await Promise.all([deleted, waited]);
    expect((await api.kubectl(['-n', namespace, 'get', 'wd', 'w'])).stderr).toContain('(NotFound)');
  });

  test('wait follows a condition', async () => {
    const namespace = await api.newNamespace();
    await run(namespace, ['create', '-f', '-'], widget('w'));
    const waited = run(namespace, ['wait', '--for=condition=Ready', 'wd/w', '--timeout=20s']);
    await run(namespace, ['patch', 'wd', 'w', '--subresource=status', '--type=merge', '-p', '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}']);
    expect(await waited).toBe('widget.test.example.com/w condition met');
  });

  test.each([
    ['namespace', ['create', 'namespace', 'made-by-kubectl'], 'namespace/made-by-kubectl created'],
    ['configmap', ['create', 'configmap', 'c', '--from-literal=a=b'], 'configmap/c created'],
    ['secret', ['create', 'secret', 'generic', 's', '--from-literal=a=b'], 'secret/s created'],
    ['serviceaccount', ['create', 'serviceaccount', 'sa'], 'serviceaccount/sa created'],
    ['deployment', ['create', 'deployment', 'd', '--image=web:1', '--replicas=2', '--port=80'], 'deployment.apps/d created'],
    ['job', ['create', 'job', 'j', '--image=web:1', '--', 'echo', 'hello'], 'job.batch/j created'],
    ['role', ['create', 'role', 'r', '--verb=get', '--resource=pods'], 'role.rbac.authorization.k8s.io/r created'],
    ['rolebinding', ['create', 'rolebinding', 'rb', '--role=r', '--user=u'], 'rolebinding.rbac.authorization.k8s.io/rb created'],
    ['service', ['create', 'service', 'clusterip', 'svc', '--tcp=80:8080'], 'service/svc created'],
    ['budget', ['create', 'pdb', 'b', '--selector=a=b', '--min-available=50%'], 'poddisruptionbudget.policy/b created'],
  ])('create %s', async (_, args, printed) => {
    expect(await run(await api.newNamespace(), args)).toBe(printed);
  });

  test('describe shows an object and its events', async () => {
    const namespace = await api.newNamespace();
    await run(namespace, ['create', '-f', '-'], widget('w'));
    const uid = await run(namespace, ['get', 'wd', 'w', '-o', 'jsonpath={.metadata.uid}']);
    const involvedObject = { apiVersion: 'test.example.com/v1', kind: 'Widget', name: 'w', namespace, uid };
    const event = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'w.1' }, involvedObject, type: 'Normal', reason: 'Painted', message: 'painted red', count: 1, source: { component: 'painter' } };
    await run(namespace, ['create', '-f', '-'], { ...event, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:00Z' });
    expect(await run(namespace, ['describe', 'wd', 'w'])).toMatch(/Size:\s+small[\s\S]*Normal\s+Painted\s+.*painter\s+painted red/);
    expect(await run(namespace, ['get', 'events'])).toMatch(/Normal\s+Painted\s+widget\/w\s+painted red/);
  });

  test('explain shows the description of a field', async () => {
    expect(await run('default', ['explain', 'widget.spec.size'])).toMatch(/FIELD: size <string>[\s\S]*How big it is\./);
  });

  test('api-resources lists custom kinds with their short names', async () => {
    expect(await run('default', ['api-resources', '--api-group=test.example.com', '--no-headers'])).toMatch(/^widgets\s+wd\s+test\.example\.com\/v1\s+true\s+Widget$/m);
  });

  test('a server-side dry run and a diff change nothing', async () => {
    const namespace = await api.newNamespace();
    await run(namespace, ['apply', '-f', '-'], widget('w'));
    await run(namespace, ['apply', '--dry-run=server', '-f', '-'], widget('w', { size: 'large' }));
    const diff = await api.kubectl(['-n', namespace, 'diff', '-f', '-'], JSON.stringify(widget('w', { size: 'large' })));
    expect(diff).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/-\s+size: small\n\+\s+size: large/) });
    expect(await run(namespace, ['get', 'wd', 'w', '-o', 'jsonpath={.spec.size}'])).toBe('small');
  });

  test('auth can-i asks the server', async () => {
    expect(await run('default', ['auth', 'can-i', 'create', 'pods'])).toBe('yes');
  });

  describe('apply --server-side', () => {
    /** Runs kubectl on a ConfigMap; its exit code and what it printed. */
    const runOn = async (namespace: string, args: readonly string[], data: object) => {
      const { exitCode, stdout, stderr } = await api.kubectl(['-n', namespace, ...args, '-f', '-'], JSON.stringify(configMap(data)));
      return { exitCode, output: stdout + stderr };
    };

    test('applies on the server, is told of conflicts, and forces them', async () => {
      const namespace = await api.newNamespace();
      await runOn(namespace, ['create'], { x: '1' });
      expect(await runOn(namespace, ['apply', '--server-side'], { x: '2' })).toMatchObject({ exitCode: 1, output: expect.stringContaining('Apply failed with 1 conflict: conflict with "kubectl-create" using v1: .data.x') });
      expect(await runOn(namespace, ['apply', '--server-side', '--force-conflicts'], { x: '2' })).toMatchObject({ exitCode: 0, output: expect.stringContaining('configmap/a serverside-applied') });
      const { stdout } = await api.kubectl(['-n', namespace, 'get', 'cm', 'a', '-o', 'yaml', '--show-managed-fields']);
      expect(stdout).toMatch(/f:x: \{\}\n {4}manager: kubectl\n {4}operation: Apply/);
      expect((await api.kubectl(['-n', namespace, 'get', 'cm', 'a', '-o', 'yaml'])).stdout).not.toContain('managedFields');
    });

    test('diffs what it would apply on the server', async () => {
      const namespace = await api.newNamespace();
      await runOn(namespace, ['apply', '--server-side'], { x: '1' });
      expect(await runOn(namespace, ['diff', '--server-side'], { x: '1' })).toEqual({ exitCode: 0, output: '' });
      expect(await runOn(namespace, ['diff', '--server-side'], { x: '2' })).toMatchObject({ exitCode: 1, output: expect.stringMatching(/-\s+x: "1"\n\+\s+x: "2"/) });
    });

    test('changes from applying on its side to applying on the server, and back', async () => {
      const namespace = await api.newNamespace();
      expect(await runOn(namespace, ['apply'], { x: '1', y: '1' })).toMatchObject({ exitCode: 0 });
      expect(await runOn(namespace, ['apply', '--server-side'], { x: '2', y: '1' })).toMatchObject({ exitCode: 0 });
      expect(await runOn(namespace, ['apply', '--server-side'], { x: '2' })).toMatchObject({ exitCode: 0 });
      const { body } = await api.request<Owned>('GET', `/api/v1/namespaces/${namespace}/configmaps/a`);
      expect(body.data).toEqual({ x: '2' });
      expect(ownersOf(body)).toEqual({ 'kubectl Apply': { 'f:data': { 'f:x': LEAF } }, 'kubectl-last-applied Apply': { 'f:metadata': { 'f:annotations': { 'f:kubectl.kubernetes.io/last-applied-configuration': LEAF } } } });
      expect(JSON.parse(body.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] ?? '')).toMatchObject({ data: { x: '2' } });
      expect(await runOn(namespace, ['apply'], { z: '3' })).toMatchObject({ exitCode: 0 });
      expect((await api.request<Owned>('GET', `/api/v1/namespaces/${namespace}/configmaps/a`)).body.data).toEqual({ z: '3' });
    });
  });
}
