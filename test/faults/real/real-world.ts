import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderKubeconfig } from '../../../local/api/kubeconfig';
import { CLUSTER_MARKER } from '../../../local/nodes/marked-processes';
import { systemClock } from '../../../src/program/clock';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { Pod } from '../../../src/schema/kubernetes';
import type { Pool } from '../../../src/schema/pool';
import type { Evidence } from '../checks/evidence';
import { Random } from '../random';
import { ApiWeather } from '../weather';
import { type Access, DirectClient, readAccess } from './access';
import { ChangeWatch, type PlacedChange } from './change-watch';
import { Chronicle } from './chronicle';
import { FaultyProxy, type ServedRequest } from './faulty-proxy';
import type { Machines, TaskListener } from './machines';
import type { Limits } from './real-histories';
import { OperatorProcesses } from './operator-processes';
import { type ApiSwitch, RealStage } from './real-stage';

/** A cluster that is there, for an operator that is started here. */
export interface RealCluster {
  /** Where its files are; the last part of the path is its id. */
  readonly folder: string;
  readonly kubeconfigPath: string;
  /** Flags of the operator, beside its kubeconfig. */
  readonly operatorFlags: readonly string[];
  readonly operatorNamespace: string;
  /** @param onTask to be told of what becomes of tasks */
  startMachines(client: DirectClient, onTask: TaskListener): Promise<Machines>;
  /** How much of a history it can play. */
  readonly limits: Limits;
  /** Ends and starts the API server itself. @default - only the operator does not reach it */
  readonly restartApi?: () => Promise<void>;
}

/** Longest way of a request in slow weather, in ms. */
const LONGEST_DELAY_MS = 2_000;

const KINDS = [
  ['pods', '/api/v1/pods'],
  ['pools', '/apis/sandbox.opensandbox.io/v1alpha1/pools'],
  ['batchsandboxes', '/apis/sandbox.opensandbox.io/v1alpha1/batchsandboxes'],
] as const;

/** A namespace in which one history is played. */
export interface Scene {
  readonly namespace: string;
  readonly stage: RealStage;
  readonly chronicle: Chronicle;
}

/** A real cluster with the operator as a process, a network of ours between the two, and a namespace for each history. */
export class RealWorld {
  readonly scenes: readonly Scene[];
  /** What an operator did that no operator may. */
  readonly failures: string[] = [];
  private readonly startedAtMs = performance.now();
  private readonly chronicles = new Map<string, Chronicle>();
  private readonly watches: readonly ChangeWatch[];
  private readonly operators: OperatorProcesses;
  private readonly apiSwitch: ApiSwitch & { settled(): Promise<void> };

  private constructor(
    private readonly cluster: RealCluster,
    private readonly client: DirectClient,
    private readonly proxy: FaultyProxy,
    private readonly weather: ApiWeather,
    private readonly machines: Machines,
    namespaces: readonly string[],
    random: Random,
    kubeconfigPath: string,
  ) {
    this.operators = new OperatorProcesses({
      flags: [`--kubeconfig=${kubeconfigPath}`, '--health-probe-bind-address=0', ...cluster.operatorFlags],
      env: { POD_NAMESPACE: cluster.operatorNamespace, HOME: cluster.folder, [CLUSTER_MARKER]: cluster.folder.replace(/^.*\//, '') },
      logPath: join(cluster.folder, 'operator-under-faults.log'),
      random: random.fork('operators'),
      replicas: 1,
      onFailure: (message) => this.failures.push(message),
    });
    this.apiSwitch = cluster.restartApi === undefined ? awaySwitch(proxy) : restartSwitch(proxy, cluster.restartApi, (error) => this.failures.push(String(error)));
    const around = { client, proxy, weather, operators: this.operators, machines, apiSwitch: this.apiSwitch, operatorNamespace: cluster.operatorNamespace };
    this.scenes = namespaces.map((namespace) => {
      const chronicle = new Chronicle(() => performance.now() - this.startedAtMs);
      this.chronicles.set(namespace, chronicle);
      return { namespace, chronicle, stage: new RealStage(namespace, chronicle, around) };
    });
    const listener = { onChange: (change: PlacedChange) => this.observe(change), onGap: (from: number, to: number) => this.chronicles.forEach(({ gaps }) => gaps.push([from, to])) };
    this.watches = KINDS.map(([plural, base]) => new ChangeWatch(client, plural, base, listener));
  }

  /** Makes so many namespaces, and starts the operator. */
  static async start(cluster: RealCluster, sceneCount: number, seed: string): Promise<RealWorld> {
    const random = new Random(seed).fork('real');
    const access = readAccess(cluster.kubeconfigPath);
    const client = new DirectClient(access);
    const weather = new ApiWeather(systemClock, random.fork('weather'), LONGEST_DELAY_MS);
    const late: { world?: RealWorld } = {};
    const proxy = await FaultyProxy.start({ upstream: access, weather, random: random.fork('proxy'), onServed: (request) => late.world?.noteServed(request) });
    const machines = await cluster.startMachines(client, (moment, run, ...rest) => late.world?.chronicleOf(run.podUID)?.task(moment, run, ...rest));
    const namespaces = await makeNamespaces(client, sceneCount);
    const kubeconfigPath = await writeOperatorKubeconfig(cluster.folder, access, proxy.url);
    const world = new RealWorld(cluster, client, proxy, weather, machines, namespaces, random, kubeconfigPath);
    late.world = world;
    await Promise.all(world.watches.map((watch) => watch.start()));
    world.operators.start();
    return world;
  }

  /** Nothing goes wrong any more. */
  async calm(): Promise<void> {
    for (const { chronicle } of this.scenes) chronicle.note('--- calm');
    await this.apiSwitch.settled();
    this.weather.clear();
    this.proxy.calm();
    this.machines.calm();
    this.operators.calm();
  }

  /** A namespace as it is now, read anew. */
  async look({ namespace, chronicle }: Scene): Promise<Evidence> {
    const list = async <T>(base: string): Promise<readonly T[]> => {
      const { status, body } = await this.client.request<{ readonly items: readonly T[] }>('GET', base.replace(/\/([a-z]+)$/, `/namespaces/${namespace}/$1`));
      if (status !== 200) throw new Error(`${base}: expected status 200, got ${status}`);
      return body.items;
    };
    const [pods, pools, batches] = await Promise.all([list<Pod>(KINDS[0][1]), list<Pool>(KINDS[1][1]), list<BatchSandbox>(KINDS[2][1])]);
    const runs = this.machines.runsOn(chronicle.podUIDs);
    return {
      nowMs: chronicle.nowMs,
      timeOfDay: () => new Date(),
      pods: () => pods,
      pod: (name) => pods.find(({ metadata }) => metadata.name === name),
      pools: () => pools,
      batches: () => batches,
      runs,
      tasksOf: (podUID) => this.machines.tasksOf(podUID),
      note: (what) => chronicle.note(what),
    };
  }

  /** Machines after all pods were deleted. */
  left({ chronicle }: Scene) {
    return this.machines.left(chronicle.podUIDs);
  }

  /** Ends the operator and takes away what was made here, but for the namespaces. */
  async close(): Promise<void> {
    await this.apiSwitch.settled();
    await this.operators.end();
    await Promise.all(this.watches.map((watch) => watch.stop()));
    await this.machines.close();
    await this.proxy.close();
    await this.client.close();
    await rm(join(this.cluster.folder, 'operator-under-faults.kubeconfig'), { force: true });
  }

  /** The end of what the operators have logged. */
  get operatorLog(): readonly string[] {
    return this.operators.lastLines();
  }

  /** Operators that were started. */
  get operatorStarts(): number {
    return this.operators.startCount;
  }

  private observe(change: PlacedChange): void {
    this.chronicles.get(change.object.metadata.namespace ?? '')?.change(change);
    this.machines.observe(change);
  }

  private noteServed({ method, path, body, status, answer }: ServedRequest): void {
    const [, namespace = '', plural] = /\/namespaces\/([^/]+)\/(pods|pools|batchsandboxes)\/[^/?]+$/.exec(path) ?? [];
    const chronicle = this.chronicles.get(namespace);
    if (method === 'GET' || chronicle === undefined) return;
    const request = { method, path, body };
    if (plural === 'pods' && method === 'DELETE') chronicle.deletes.push(request);
    chronicle.note(`operator ${method} ${path} ${body} -> ${status}`);
    if (status > 299) return;
    const { metadata } = JSON.parse(answer) as { readonly metadata?: { readonly resourceVersion?: string } };
    if (metadata?.resourceVersion !== undefined) chronicle.writes.set(Number(metadata.resourceVersion), request);
  }

  private chronicleOf(podUID: string): Chronicle | undefined {
    return [...this.chronicles.values()].find(({ podUIDs }) => podUIDs.has(podUID));
  }
}

async function makeNamespaces(client: DirectClient, count: number): Promise<readonly string[]> {
  const names = Array.from({ length: count }, () => `faults-${randomBytes(4).toString('hex')}`);
  for (const name of names) {
    const { status } = await client.request('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    if (status !== 201) throw new Error(`namespace '${name}': expected status 201, got ${status}`);
  }
  return names;
}

async function writeOperatorKubeconfig(folder: string, { token }: Access, url: string): Promise<string> {
  const path = join(folder, 'operator-under-faults.kubeconfig');
  await writeFile(path, renderKubeconfig({ url, token, ca: '' }), { mode: 0o600 });
  return path;
}

/** To the operator, the API server is away. */
function awaySwitch(proxy: FaultyProxy) {
  return { stop: () => proxy.goAway(), start: () => proxy.comeBack(), settled: () => Promise.resolve() };
}

/** The first time, the API server is really restarted, which costs seconds of a processor; later, it is away to the operator. */
function restartSwitch(proxy: FaultyProxy, restart: () => Promise<void>, onFailure: (error: unknown) => void) {
  let restarting: Promise<void> | undefined;
  return {
    ...awaySwitch(proxy),
    stop: () => {
      if (restarting === undefined) restarting = restart().catch(onFailure);
      else proxy.goAway();
    },
    settled: async () => restarting,
  };
}
