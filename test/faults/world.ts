import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { allCrds } from '../../src/schema/crds';
import type { ExecutorTask } from '../../src/schema/executor-api';
import type { Pod } from '../../src/schema/kubernetes';
import type { Pool } from '../../src/schema/pool';
import { ApiHost } from './api-host';
import type { Evidence } from './checks/evidence';
import { type Run, SimulatedExecutors } from './executors';
import { History } from './history';
import { SimulatedNodes } from './nodes';
import { OperatorHost } from './operator-host';
import { NAMESPACE } from './paths';
import { Random } from './random';
import { Signatures } from './signatures';
import { taskFields, templateOf } from './simulated-templates';
import type { Stage } from './stage';
import { VirtualClock } from './virtual-clock';
import { ApiWeather } from './weather';

/** Longest way of a request to the API server, in ms: its sender may have given it up by then. */
const LONGEST_DELAY_MS = 12_000;
/** The same where a lease changes hands: a write that was sent in time must be there before another operator acts, which is 5 s later. */
const LONGEST_DELAY_WITH_LEASE_MS = 4_500;

/** A cluster in one process and in virtual time: the real operator and the real embedded API server, among simulated machines. */
export class World implements Evidence, Stage {
  readonly clock = new VirtualClock();
  readonly history: History;
  readonly api: ApiHost;
  /** Of requests to executors. */
  readonly signatures: Signatures;
  readonly executors: SimulatedExecutors;
  readonly nodes: SimulatedNodes;
  readonly weather: ApiWeather;
  readonly operator: OperatorHost;
  readonly templateOf = templateOf;
  readonly taskFields = taskFields;

  /**
   * @param replicas operators that run at once; more than one compete for the lease
   * @param onFailure told of an operator that has failed in a way that no operator may
   */
  constructor(seed: string, replicas: number, onFailure: (error: unknown) => void) {
    const random = new Random(seed);
    const { clock } = this;
    this.history = new History(() => clock.monotonicMs());
    this.api = new ApiHost(clock, random.fork('api'), this.history);
    this.signatures = new Signatures(clock);
    this.executors = new SimulatedExecutors(clock, random.fork('executors'), this.signatures.guard);
    this.nodes = new SimulatedNodes(clock, random.fork('nodes'), this.api, this.executors);
    this.weather = new ApiWeather(clock, random.fork('weather'), replicas > 1 ? LONGEST_DELAY_WITH_LEASE_MS : LONGEST_DELAY_MS);
    this.operator = new OperatorHost({ ...this, random: random.fork('operator'), replicas, onFailure });
  }

  /** Installs the CRDs and makes the keys. */
  async install(): Promise<void> {
    await this.signatures.load();
    for (const crd of allCrds()) await this.api.request('installer', 'POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
  }

  nowMs(): number {
    return this.clock.monotonicMs();
  }

  timeOfDay(): Date {
    return this.clock.now();
  }

  pods(): readonly Pod[] {
    return this.api.list<Pod>('pods');
  }

  pod(name: string): Pod | undefined {
    return this.api.get<Pod>('pods', `${NAMESPACE}/${name}`);
  }

  pools(): readonly Pool[] {
    return this.api.list<Pool>('pools');
  }

  batches(): readonly BatchSandbox[] {
    return this.api.list<BatchSandbox>('batchsandboxes');
  }

  batch(name: string): BatchSandbox | undefined {
    return this.api.get<BatchSandbox>('batchsandboxes', `${NAMESPACE}/${name}`);
  }

  get runs(): readonly Run[] {
    return this.executors.runs;
  }

  tasksOf(podUID: string): readonly ExecutorTask[] {
    return this.executors.tasksOf(podUID);
  }

  note(what: string): void {
    this.history.note(what);
  }
}
