import type { ApiObject } from '../../local/api/api-object';
import { podPrefix } from '../../operator/allocation-record';
import { poolPod } from '../../operator/pool/template';
import type { BatchSandbox, BatchSandboxSpec } from '../../src/schema/batch-sandbox';
import { completeExecutor } from '../../src/schema/executor-pod';
import type { Pod, PodSpec } from '../../src/schema/kubernetes';
import { API_VERSION } from '../../src/schema/names';
import type { Pool } from '../../src/schema/pool';
import type { SentRequest } from '../faults/checks/evidence';
import { NAMESPACE, podPath, userPath } from '../faults/paths';
import { templateOf } from '../faults/simulated-templates';
import { World } from '../faults/world';
import { fixedPool } from '../support/pool-spec';
import { recordedUIDsOf } from '../support/space';
import { addressOf, readyStatus } from '../support/hand-made-pods';

/** What passed between operator and API server. */
export interface Traffic {
  /** Requests by method and kind, such as `PATCH batchsandboxes/status`. */
  readonly requests: Readonly<Record<string, number>>;
  /** Bytes that the operator was sent, and so parses, by what it had asked for; watches as `watch pods`. */
  readonly bytes: Readonly<Record<string, number>>;
  /** When requests of each kind were sent, in ms of virtual time. */
  readonly sentAtMs: Readonly<Record<string, readonly number[]>>;
}

/** Longer than the operator gathers changes and holds events back, in ms; shorter than anything that it does by the clock alone. */
const REST_MS = 5_000;
const POOL = 'warm';

/** A simulated world in which one pool has so many warm pods, and what passes between operator and API server is counted. */
export class CostWorld {
  private readonly world = new World('1', 1, (error) => {
    throw error;
  });
  private readonly bytes = new Map<string, number>();
  private readonly sentAtMs = new Map<string, number[]>();

  /** Pods are there before the operator starts: making 10,000 would take most of a minute. */
  static async start(podCount: number): Promise<CostWorld> {
    const cost = new CostWorld();
    const { world } = cost;
    await world.install();
    await cost.create('pools', { kind: 'Pool', metadata: { name: POOL }, spec: fixedPool(podCount, templateOf('good', 1)) });
    await cost.seedPods(podCount);
    world.operator.start();
    await cost.rest();
    world.api.onRequest((client, request) => {
      if (!client.startsWith('operator')) return;
      const what = kindOf(request);
      cost.sentAtMs.set(what, [...(cost.sentAtMs.get(what) ?? []), world.nowMs()]);
    });
    world.api.onAnswer((client, request, bytes) => {
      if (!client.startsWith('operator')) return;
      const what = kindOf(request);
      cost.bytes.set(what, (cost.bytes.get(what) ?? 0) + bytes);
    });
    return cost;
  }

  /** What passes while `work` is done and until everything is at rest again. */
  async count(work: () => Promise<void>): Promise<Traffic> {
    this.sentAtMs.clear();
    this.bytes.clear();
    await work();
    await this.rest();
    const requests = Object.fromEntries([...this.sentAtMs].map(([what, times]) => [what, times.length]));
    return { requests, bytes: Object.fromEntries(this.bytes), sentAtMs: Object.fromEntries(this.sentAtMs) };
  }

  createBatch(name: string, spec: BatchSandboxSpec = {}): Promise<void> {
    return this.create('batchsandboxes', { kind: 'BatchSandbox', metadata: { name }, spec: { poolRef: POOL, ...spec } });
  }

  deleteBatch(name: string): Promise<void> {
    return this.request('DELETE', userPath('batchsandboxes', name));
  }

  /** Its node says something of a pod. */
  setPodStatus(name: string, status: Pod['status']): Promise<void> {
    return this.request('PATCH', `${podPath(name)}/status`, { status });
  }

  /** Lets time pass until the operator has done what there was to do. */
  rest(): Promise<void> {
    return this.pass(REST_MS);
  }

  /** Lets so many ms pass. */
  async pass(ms: number): Promise<void> {
    await this.world.clock.settle();
    const untilMs = this.world.nowMs() + ms;
    while (await this.world.clock.step(untilMs));
  }

  batch(name: string): BatchSandbox | undefined {
    return this.world.batch(name);
  }

  pod(name: string): Pod | undefined {
    return this.world.pod(name);
  }

  /** Name of a pod that a batch has. */
  podOf(name: string): string {
    const batch = this.batch(name);
    const [uid] = batch === undefined ? [] : recordedUIDsOf(batch);
    return this.world.pods().find(({ metadata }) => metadata.uid === uid)?.metadata.name ?? '';
  }

  /** Name of a pod that no batch has. */
  freePod(): string {
    const held = new Set(this.world.batches().flatMap((batch) => recordedUIDsOf(batch)));
    return this.world.pods().find(({ metadata: { uid = '' } }) => !held.has(uid))?.metadata.name ?? '';
  }

  close(): void {
    this.world.operator.end();
    this.world.api.close();
  }

  /** One pod comes by the API server, with all that it adds; the others are copies of it. */
  private async seedPods(count: number): Promise<void> {
    const { api, executors } = this.world;
    const pool = api.get<Pool>('pools', `${NAMESPACE}/${POOL}`);
    if (pool === undefined) throw new Error(`expected pool '${POOL}', got none`);
    const complete = (spec: PodSpec) => completeExecutor(spec, { publicKeys: this.world.signatures.signing.publicKeys });
    const first = poolPod(pool, { random: () => 0, isTaken: () => false }, complete);
    await this.request('POST', podPath('').slice(0, -1), { apiVersion: 'v1', kind: 'Pod', ...first, spec: { ...first.spec, nodeName: 'node-0' } });
    await this.setPodStatus(first.metadata.name, readyStatus(addressOf(0)));
    const pod = api.get<Pod & ApiObject>('pods', `${NAMESPACE}/${first.metadata.name}`);
    if (pod === undefined) throw new Error(`expected pod '${first.metadata.name}', got none`);
    executors.add(pod.metadata.uid, addressOf(0));
    for (let index = 1; index < count; index++) {
      const name = `${podPrefix(POOL)}${String(index).padStart(5, '0')}`;
      const uid = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
      api.seed('pods', { ...pod, metadata: { ...pod.metadata, name, uid }, status: readyStatus(addressOf(index)) });
      executors.add(uid, addressOf(index));
    }
  }

  private create(plural: 'pools' | 'batchsandboxes', object: object): Promise<void> {
    return this.request('POST', userPath(plural), { apiVersion: API_VERSION, ...object });
  }

  private async request(method: string, path: string, body?: object): Promise<void> {
    const { status, body: answer } = await this.world.api.request('user', method, path, body);
    if (status > 299) throw new Error(`${method} ${path}: expected success, got ${status}: ${JSON.stringify(answer)}`);
  }
}

/** What a request is about, without names. */
function kindOf({ method, path }: SentRequest): string {
  const [, plural = path, subresource = ''] = /^\/apis?\/(?:[^/]+\/)?v\w+\/(?:namespaces\/[^/]+\/)?([^/?]+)(?:\/[^/?]+(\/[^/?]+)?)?/.exec(path) ?? [];
  return `${path.includes('watch=true') ? 'watch' : method} ${plural}${subresource}`;
}
