import { cpus, release, totalmem } from 'node:os';
import { KubeApi } from '../../operator/kube/api';
import { ClosingNamespaces } from '../../operator/kube/closing-namespaces';
import { EventRecorder } from '../../operator/kube/events';
import { Informer } from '../../operator/kube/informer';
import { NODES, PODS } from '../../operator/kube/resource-types';
import type { Transport } from '../../operator/kube/transport';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { KubeObject, Pod } from '../../src/schema/kubernetes';
import type { AddressBlock } from './address-block';
import type { ContainerLog } from './container-log';
import type { ExecCommand } from './exec-command';
import { Node } from './node';
import { PodApi } from './pod-api';
import { toTime } from './pod-status';
import { PodSweeper } from './pod-sweeper';
import type { NodeSettings } from './process-spec';
import { Scheduler } from './scheduler';
import { StartGate } from './start-gate';

/** Starts under way at once, for each processor. Loading a program keeps one busy; the second start fills its waits. */
const STARTS_PER_CPU = 2;
/** Pods that a node says it can take. Memory is what ends them: an idle executor costs about 20 MB. */
const POD_CAPACITY = 10_000;

export interface NodesProps {
  readonly count: number;
  /** Settings of each node but for its name. */
  readonly settings: Omit<NodeSettings, 'name'>;
  readonly transport: Transport;
  readonly addresses: AddressBlock;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The nodes of an embedded cluster, and the scheduler that fills them. */
export class Nodes {
  private readonly nodeByName: ReadonlyMap<string, Node>;
  private readonly scheduler: Scheduler;
  private readonly api: KubeApi;
  private readonly closingNamespaces: ClosingNamespaces;
  private readonly events: EventRecorder;
  private readonly stopped = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly props: NodesProps) {
    const { clock, log, addresses, transport } = props;
    this.api = new KubeApi({ transport });
    this.closingNamespaces = new ClosingNamespaces(clock, log);
    this.events = new EventRecorder({ api: this.api, closingNamespaces: this.closingNamespaces, component: 'sandboxes-node', clock, log });
    const api = new PodApi(this.api, transport);
    const gate = new StartGate(cpus().length * STARTS_PER_CPU);
    const sweeper = new PodSweeper(clock);
    const warn = (pod: Pod, reason: string, message: string) =>
      this.events.record({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Warning', reason, message);
    const names = Array.from({ length: props.count }, (_, index) => `node-${String(index)}`);
    this.nodeByName = new Map(
      names.map((name) => [name, new Node({ settings: { ...props.settings, name }, api, addresses, gate, sweeper, clock, log, warn })]),
    );
    this.scheduler = new Scheduler(names, { api, clock, log, signal: this.stopped.signal });
  }

  /** Registers the nodes and begins to take pods. */
  async start(): Promise<void> {
    await Promise.all([...this.nodeByName.keys()].map((name) => this.register(name)));
    const { clock, log } = this.props;
    const pods = new Informer<Pod>({ api: this.api, type: PODS, namespaces: [], clock, log });
    this.closingNamespaces.reopenWith(pods.cache);
    pods.cache.onChange(({ before, after }) => this.observe(before, after));
    this.running = pods.run(this.stopped.signal);
    await pods.synced;
  }

  /** Output of a container of a pod, wherever it runs; undefined when it runs nowhere. */
  log(namespace: string, pod: string, container: string | undefined): ContainerLog | undefined {
    for (const node of this.nodeByName.values()) {
      const log = node.log(namespace, pod, container);
      if (log !== undefined) return log;
    }
    return undefined;
  }

  /** What starts a command in a container of a pod, wherever it runs; undefined when it runs nowhere. */
  command(namespace: string, pod: string, container: string, argv: readonly string[]): (() => ExecCommand) | undefined {
    for (const node of this.nodeByName.values()) {
      const start = node.command(namespace, pod, container, argv);
      if (start !== undefined) return start;
    }
    return undefined;
  }

  /** Takes no more pods and ends the ones that run: TERM, and KILL after the grace time. */
  async stop(graceMs: number): Promise<void> {
    this.stopped.abort();
    await this.running;
    await this.events.close(0);
    await Promise.all([...this.nodeByName.values()].map((node) => node.stop(graceMs)));
  }

  private observe(before: Pod | undefined, after: Pod | undefined): void {
    // A pod that was deleted and made again under its name between two looks shows as one change.
    if (before !== undefined && before.metadata.uid !== after?.metadata.uid) {
      this.scheduler.observeGone(before);
      this.nodeOf(before)?.observeGone(before);
    }
    if (after === undefined) return;
    this.scheduler.observe(after);
    this.nodeOf(after)?.observe(after);
  }

  private nodeOf(pod: Pod): Node | undefined {
    return this.nodeByName.get(pod.spec?.nodeName ?? '');
  }

  private async register(name: string): Promise<void> {
    const node = toNode(name, this.props.settings.address, this.props.clock.now());
    await this.api.create(NODES, node);
    // A create stores no status.
    await this.api.patch(NODES, { name }, 'merge', { status: node.status }, { subresource: 'status' });
  }
}

/** The Node object: this machine, as each node of the cluster sees it. */
function toNode(name: string, address: string, now: Date): KubeObject & { readonly status: object } {
  const capacity = { cpu: String(cpus().length), memory: `${String(Math.floor(totalmem() / 1024))}Ki`, pods: String(POD_CAPACITY) };
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': architecture } },
    status: {
      capacity,
      allocatable: capacity,
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
      ],
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'ProcessSupervisorReady',
          message: 'pods are processes of this machine; nothing is isolated',
          lastHeartbeatTime: toTime(now),
          lastTransitionTime: toTime(now),
        },
      ],
      nodeInfo: {
        kubeletVersion: 'sandboxes',
        kernelVersion: release(),
        operatingSystem: 'linux',
        architecture,
        containerRuntimeVersion: 'process://1',
        osImage: 'this machine',
        bootID: '',
        machineID: '',
        systemUUID: '',
        kubeProxyVersion: '',
      },
    },
  };
}
