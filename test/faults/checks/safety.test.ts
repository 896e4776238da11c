import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { KubeObject } from '../../../src/schema/kubernetes';
import { Annotation, API_VERSION, Label } from '../../../src/schema/names';
import { taskCommand } from '../executors';
import { NAMESPACE, podPath, userPath } from '../paths';
import { watchSafety } from '../watch-safety';
import { World } from '../world';

const template = { spec: { containers: [{ name: 'main', image: 'good' }] } };

/** A world without an operator, in which a test does itself what no operator may do. */
class BadWorld {
  readonly world = new World('1', 1, () => undefined);
  readonly check = watchSafety(this.world);
  private readonly addresses = new Map<string, string>();

  static async make(): Promise<BadWorld> {
    const bad = new BadWorld();
    await bad.world.install();
    return bad;
  }

  async pool(name: string, poolMax = 10): Promise<string> {
    const capacitySpec = { bufferMin: 0, bufferMax: 5, poolMin: 0, poolMax };
    return this.create(userPath('pools'), { apiVersion: API_VERSION, kind: 'Pool', metadata: { name }, spec: { template, capacitySpec } });
  }

  batch(name: string, spec: object = {}): Promise<string> {
    return this.create(userPath('batchsandboxes'), { apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name }, spec: { replicas: 3, poolRef: 'p', ...spec } });
  }

  pod(name: string, poolUID: string): Promise<string> {
    const ownerReferences = [{ apiVersion: API_VERSION, kind: 'Pool', name: 'p', uid: poolUID, controller: true }];
    return this.create(podPath('').slice(0, -1), { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { [Label.poolName]: 'p' }, ownerReferences }, ...template });
  }

  /** Records pods, `<name>/<uid>`, as those of a batch. */
  async hold(batch: string, slots: readonly string[], more: object = {}): Promise<void> {
    const poolUID = this.world.api.get<KubeObject>('pools', `${NAMESPACE}/p`)?.metadata.uid;
    const status = { replicas: 0, allocated: 0, ready: 0, taskRunning: 0, taskSucceed: 0, taskFailed: 0, taskPending: 0, taskUnknown: 0 };
    await this.patch(`${userPath('batchsandboxes', batch)}/status`, { status: { ...status, allocation: { poolName: 'p', poolUID, slots }, ...more } });
  }

  async patch(path: string, body: object): Promise<void> {
    const { status } = await this.world.api.request('test', 'PATCH', path, body);
    if (status !== 200) throw new Error(`${path}: expected status 200, got ${status}`);
  }

  /** Has the executor of a pod run a task of a batch. */
  async run(podUID: string, name: string, batchUID: string): Promise<void> {
    const ip = this.addresses.get(podUID) ?? `10.0.0.${this.addresses.size}`;
    if (!this.addresses.has(podUID)) this.world.executors.add(podUID, ip);
    this.addresses.set(podUID, ip);
    const body = JSON.stringify([{ name, uid: batchUID, process: { command: taskCommand(0, 0, 'polite') } }]);
    const responder = { start: () => undefined, data: () => undefined, end: () => undefined, fail: () => undefined, onClose: () => undefined };
    this.world.executors.server({ method: 'POST', path: '/setTasks', origin: `http://${ip}:5758`, headers: {}, body }, responder);
    await this.world.clock.settle();
  }

  get rules(): readonly string[] {
    return this.check.violations.map(({ rule }) => rule);
  }

  private async create(path: string, object: object): Promise<string> {
    const { status, body } = await this.world.api.request('test', 'POST', path, object);
    if (status !== 201) throw new Error(`${path}: expected status 201, got ${status}: ${JSON.stringify(body)}`);
    return (body as BatchSandbox).metadata.uid ?? '';
  }
}

let bad: BadWorld;
let pool: string;

beforeEach(async () => {
  bad = await BadWorld.make();
  pool = await bad.pool('p');
});

test('sound records break no rule', async () => {
  const pods = await Promise.all(['x', 'y', 'z'].map((name) => bad.pod(name, pool)));
  const [first, second] = [await bad.batch('a'), await bad.batch('b')];
  await bad.hold('a', [`x/${pods[0] ?? ''}`, `y/${pods[1] ?? ''}`]);
  await bad.hold('b', ['', `z/${pods[2] ?? ''}`]);
  await bad.run(pods[0] ?? '', 'a-0', first);
  expect(second).not.toBe(first);
  expect(bad.rules).toEqual([]);
});

test('sees a pod in the records of two batches', async () => {
  const pod = await bad.pod('x', pool);
  await bad.batch('a');
  await bad.batch('b');
  await bad.hold('a', [`x/${pod}`]);
  expect(bad.rules).toEqual([]);
  await bad.hold('b', ['', `x/${pod}`]);
  expect(bad.rules).toEqual(['R103']);
});

test('sees a pod in two slots', async () => {
  const pod = await bad.pod('x', pool);
  await bad.batch('a');
  await bad.hold('a', [`x/${pod}`, `x/${pod}`]);
  expect(bad.rules).toEqual(['R103']);
});

test('sees a pod of another pool in a record', async () => {
  const pod = await bad.pod('x', await bad.pool('q'));
  await bad.batch('a');
  await bad.hold('a', [`x/${pod}`]);
  expect(bad.rules).toEqual(['R11']);
});

test('sees pods that are shown before they are guarded', async () => {
  const pod = await bad.pod('x', pool);
  await bad.batch('a');
  await bad.hold('a', [`x/${pod}`]);
  await bad.patch(userPath('batchsandboxes', 'a'), { metadata: { annotations: { [Annotation.allocStatus]: '{"pods":["x"]}' } } });
  expect(bad.rules).toEqual(['R16']);
});

test('sees a pool beyond its bound', async () => {
  const small = await bad.pool('small', 1);
  await bad.pod('x', small);
  expect(bad.rules).toEqual([]);
  await bad.pod('y', small);
  expect(bad.rules).toEqual(['R61']);
});

test('sees the delete of a pod that a batch holds, and lets one go that is beyond replicas', async () => {
  const pods = await Promise.all(['x', 'y'].map((name) => bad.pod(name, pool)));
  await bad.batch('a', { replicas: 1 });
  await bad.hold('a', [`x/${pods[0] ?? ''}`, `y/${pods[1] ?? ''}`]);
  const request = (name: string, uid = '') => ({ method: 'DELETE', path: podPath(name), origin: '', headers: {}, body: JSON.stringify({ preconditions: { uid } }) });
  const responder = { start: () => undefined, data: () => undefined, end: () => undefined, fail: () => undefined, onClose: () => undefined };
  bad.world.api.receive('operator-0', request('y', pods[1]), responder);
  expect(bad.rules).toEqual([]);
  bad.world.api.receive('operator-0', request('x', pods[0]), responder);
  expect(bad.rules).toEqual(['R60']);
});

test('sees a task on a pod that another batch holds', async () => {
  const pod = await bad.pod('x', pool);
  await bad.batch('a');
  const other = await bad.batch('b');
  await bad.hold('a', [`x/${pod}`]);
  await bad.run(pod, 'b-0', other);
  expect(bad.rules).toContain('R105');
});

test('sees a task that starts again after its recorded end', async () => {
  const pod = await bad.pod('x', pool);
  const batch = await bad.batch('a');
  await bad.hold('a', [`x/${pod}`], { taskStates: 'S--' });
  await bad.run(pod, 'a-0', batch);
  expect(bad.rules).toEqual(['R37']);
});

test('sees a task that runs on two pods at once', async () => {
  const pods = [await bad.pod('x', pool), await bad.pod('y', pool)];
  const batch = await bad.batch('a');
  await bad.hold('a', [`x/${pods[0] ?? ''}`]);
  await bad.run(pods[0] ?? '', 'a-0', batch);
  await bad.hold('a', [`y/${pods[1] ?? ''}`]);
  expect(bad.rules).toEqual([]);
  await bad.run(pods[1] ?? '', 'a-0', batch);
  expect(bad.rules).toEqual(['R47']);
});

test('sees a batch that goes while its task runs', async () => {
  const pod = await bad.pod('x', pool);
  const batch = await bad.batch('a');
  await bad.hold('a', [`x/${pod}`]);
  await bad.run(pod, 'a-0', batch);
  await bad.world.api.request('test', 'DELETE', userPath('batchsandboxes', 'a'));
  expect(bad.rules).toEqual(['R47']);
});
