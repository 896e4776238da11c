import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { KubeObject } from '../../../src/schema/kubernetes';
import { API_VERSION, Label } from '../../../src/schema/names';
import type { Responder } from '../exchange';
import { taskCommand } from '../executors';
import { NAMESPACE, podPath, userPath } from '../paths';
import { watchSafety } from '../watch-safety';
import { World } from '../world';

/** A client that is told nothing. */
const DEAF: Responder = { start: () => undefined, data: () => undefined, end: () => undefined, fail: () => undefined, onClose: () => undefined };

const template = { spec: { containers: [{ name: 'main', image: 'good' }] } };

/** A world without an operator, in which a test does itself what no operator may do. */
export class BadWorld {
  readonly world = new World('1', 1, () => undefined);
  readonly check = watchSafety(this.world);
  private readonly addresses = new Map<string, string>();

  static async make(): Promise<BadWorld> {
    const bad = new BadWorld();
    await bad.world.install();
    return bad;
  }

  pool(name: string, poolMax = 10, spec: object = {}): Promise<string> {
    const capacitySpec = { bufferMin: 0, bufferMax: 5, poolMin: 0, poolMax };
    return this.create(userPath('pools'), { apiVersion: API_VERSION, kind: 'Pool', metadata: { name }, spec: { template, capacitySpec, ...spec } });
  }

  batch(name: string, spec: object = {}): Promise<string> {
    return this.create(userPath('batchsandboxes'), { apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name }, spec: { replicas: 3, poolRef: 'p', ...spec } });
  }

  /** Its node makes it run as time passes. */
  pod(name: string, ownerUID: string, spec: object = {}, labels: object = {}): Promise<string> {
    const ownerReferences = [{ apiVersion: API_VERSION, kind: 'Pool', name: 'p', uid: ownerUID, controller: true }];
    return this.create(podPath('').slice(0, -1), { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { [Label.poolName]: 'p', ...labels }, ownerReferences }, spec: { ...template.spec, ...spec } });
  }

  /** Lets time pass. */
  async wait(ms: number): Promise<void> {
    const untilMs = this.world.clock.monotonicMs() + ms;
    while (await this.world.clock.step(untilMs));
  }

  /** An operator asks the API server for something; it is judged, whatever comes of it. */
  request(method: string, path: string, body: object = {}): void {
    this.world.api.receive('operator-0', { method, path, origin: '', headers: {}, body: JSON.stringify(body) }, DEAF);
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

  /** Has the executor of a pod run a task of a batch, and no other. */
  run(podUID: string, name: string, batchUID: string, client?: string): Promise<void> {
    return this.ask(podUID, [{ name, uid: batchUID, process: { command: taskCommand(0, 0, 'polite') } }], client);
  }

  /** Tells the executor of a pod which tasks it is to have. */
  async ask(podUID: string, tasks: readonly object[], client?: string): Promise<void> {
    const ip = this.addresses.get(podUID) ?? `10.0.0.${this.addresses.size}`;
    if (!this.addresses.has(podUID)) this.world.executors.add(podUID, ip);
    this.addresses.set(podUID, ip);
    const request = await this.world.signatures.signed(podUID, ip, '/setTasks', tasks);
    this.world.executors.server(client === undefined ? request : { ...request, client }, DEAF);
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
