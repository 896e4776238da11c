import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { Pod, PodTemplateSpec } from '../../../src/schema/kubernetes';
import type { ApiAnswer } from '../../support/api-client';
import type { Image } from '../nodes';
import type { TaskSpec } from '../operations';
import { NAMESPACE } from '../paths';
import type { Stage } from '../stage';
import type { DirectClient } from './access';
import type { Chronicle } from './chronicle';
import type { FaultyProxy } from './faulty-proxy';
import type { Machines } from './machines';
import type { OperatorProcesses } from './operator-processes';
import type { ApiWeather } from '../weather';

/** The API server, as far as it can be away; stopping one that is stopped does nothing. */
export interface ApiSwitch {
  stop(): void;
  start(): void;
}

/** What all namespaces of a real world share: its troubles strike all of them. */
export interface RealSurroundings {
  readonly client: DirectClient;
  readonly proxy: FaultyProxy;
  readonly weather: ApiWeather;
  readonly operators: OperatorProcesses;
  readonly machines: Machines;
  readonly apiSwitch: ApiSwitch;
  readonly operatorNamespace: string;
}

/** One namespace of a real world. */
export class RealStage implements Stage {
  readonly history: Stage['history'];
  readonly clock: Stage['clock'] = { now: () => new Date(), setTimer: (ms, callback) => setTimeout(callback, ms) };
  readonly api: Stage['api'];
  readonly nodes: Stage['nodes'];
  readonly executors: Stage['executors'];
  readonly operator: Stage['operator'];
  readonly weather: Stage['weather'];

  constructor(
    readonly namespace: string,
    private readonly chronicle: Chronicle,
    private readonly around: RealSurroundings,
  ) {
    const { machines, proxy, operators, weather, apiSwitch } = around;
    this.history = chronicle;
    this.executors = machines;
    this.operator = operators;
    this.weather = weather;
    // A node is lost with all that runs on it, and there is only this machine.
    this.nodes = { names: [], lose: () => undefined, fail: (pod) => machines.fail(pod), shake: (pod, forMs) => machines.shake(pod, forMs), restart: (pod) => machines.restartContainer(pod) };
    this.api = {
      request: (_who, method, path, body) => this.request(method, path, body),
      dropWatches: (cleanly) => proxy.dropWatches(cleanly),
      forgetHistory: () => proxy.forgetHistory(),
      stop: () => apiSwitch.stop(),
      start: () => apiSwitch.start(),
    };
  }

  pods(): readonly Pod[] {
    return this.chronicle.pods();
  }

  batch(name: string): BatchSandbox | undefined {
    return this.chronicle.batch(name);
  }

  templateOf(image: Image, version: number): PodTemplateSpec {
    return this.around.machines.templateOf(image, version);
  }

  taskFields(task: TaskSpec): object {
    return this.around.machines.taskFields(task);
  }

  private async request(method: string, path: string, body?: object): Promise<Pick<ApiAnswer, 'status'>> {
    // The operator reads its ConfigMaps in its own namespace, for all.
    const namespace = path.includes('/configmaps') ? this.around.operatorNamespace : this.namespace;
    const own = path.replace(`/namespaces/${NAMESPACE}/`, `/namespaces/${namespace}/`);
    const { status, body: answer } = await this.around.client.insist<{ readonly metadata?: { readonly resourceVersion?: string } }>(method, own, { body });
    this.chronicle.note(`user ${method} ${own} ${body === undefined ? '' : JSON.stringify(body)} -> ${status}`);
    if (method === 'DELETE' && answer.metadata?.resourceVersion !== undefined) this.chronicle.otherDeletes.add(Number(answer.metadata.resourceVersion));
    return { status };
  }
}
