import { aborted } from '../src/program/shutdown';
import type { BatchSandbox } from '../src/schema/batch-sandbox';
import { completeExecutor } from '../src/schema/executor-pod';
import { type KubeObject, objectKey, type Pod, type PodSpec } from '../src/schema/kubernetes';
import { Label } from '../src/schema/names';
import type { Pool } from '../src/schema/pool';
import { PoolAssignment } from './assign/pool-assignment';
import { BatchController } from './batch/controller';
import { declareDemands } from './batch/first-demands';
import { OwnPods, ownerKeyOf } from './batch/own-pods';
import { Progress } from './batch/progress';
import { BatchPublisher } from './batch/publish';
import { refreshBatch } from './batch/refresh';
import { Controller, type Reconciler } from './controller';
import { KubeApi } from './kube/api';
import { ClosingNamespaces } from './kube/closing-namespaces';
import { podExec } from './kube/pod-exec';
import { EventRecorder } from './kube/events';
import { Informer } from './kube/informer';
import { BATCHES, PODS, POOLS, type ResourceType } from './kube/resource-types';
import { Transport } from './kube/transport';
import { trimObject, trimPod } from './kube/trim';
import { claimantOf, compareClaimants } from './claimant';
import { Ledger } from './ledger';
import type { ManagerOptions } from './manager-options';
import { OperatorMetrics } from './metrics';
import { OwnWrites } from './own-writes';
import { type PodFacts, podFacts } from './pod-facts';
import { tellOfPool } from './pool-changes';
import { describePools } from './pool-news';
import { PoolController } from './pool/controller';
import { RecycleController } from './recycle/controller';
import { RecordSeal } from './recycle/record-seal';
import { ChangeGatherer } from './tasks/change-gatherer';
import { ExecutorClient } from './tasks/executor-client';
import { TaskTracker } from './tasks/task-tracker';
import { setAsideUnreadable } from './unreadable-records';
import { WaitingBatches } from './waiting-batches';

/** Changes of pods are gathered for so long, in ms, so that N pods becoming Ready together cost far fewer than N writes (R133). */
const GATHER_MS = 50;
/** A watch that is silent for longer is stale: bookmarks come about once a minute, and the reflector gives up after three. */
const STALE_AFTER_MS = 240_000;
/** How long a stop waits for events that are still to be sent, in ms. */
const FLUSH_MS = 1_000;

/**
 * The operator: caches, ledger, controllers, and the wires between them.
 *
 *   watch ──> cache ──> ledger ──> queues ──> controllers ──> API, executors
 *               ^                                │
 *               └────────── own writes ──────────┘
 */
export class Manager {
  readonly metrics: OperatorMetrics;
  readonly api: KubeApi;
  private readonly transport: Transport;
  private readonly pools: Informer<Pool>;
  private readonly batches: Informer<BatchSandbox>;
  private readonly poolPods: Informer<Pod>;
  private readonly directPods: Informer<Pod>;
  private readonly ledger: Ledger;
  private readonly waiting: WaitingBatches;
  private readonly ownWrites = new OwnWrites();
  private readonly ownPods = new OwnPods();
  private readonly poolKeyByUID = new Map<string, string>();
  /** Pools by UID whose counts changed: one look for all pods that change together, since it costs what waits for the pool. */
  private readonly poolChanges: ChangeGatherer;
  private readonly progress: Progress;
  private readonly events: EventRecorder;
  private readonly tasks: TaskTracker;
  private readonly assignment: PoolAssignment;
  private readonly batchController: BatchController;
  private readonly poolController: PoolController;
  private readonly recycler: RecycleController;
  private readonly batchQueue: Controller;
  private readonly poolQueue: Controller;
  /** Keys are UIDs of pods. */
  private readonly recycleQueue: Controller;
  private acting = false;

  constructor(private readonly options: ManagerOptions) {
    const { connection, settings, clock, log, random } = options;
    this.metrics = new OperatorMetrics(clock, connection.server.host);
    this.transport = new Transport({
      connection,
      clock,
      random,
      qps: settings.kubeClientQps,
      burst: settings.kubeClientBurst,
      onAnswer: ({ method, code }) => this.metrics.answered(method, code),
    });
    this.api = new KubeApi({ transport: this.transport, mayWrite: options.mayWrite });
    this.pools = this.inform(POOLS, trimObject);
    this.batches = this.inform(BATCHES, trimObject);
    this.poolPods = this.inform(PODS, trimPod, Label.poolName);
    this.directPods = this.inform(PODS, trimPod, Label.batchName);
    const closingNamespaces = new ClosingNamespaces(clock, log);
    closingNamespaces.reopenWith(this.pools.cache, (key) => this.poolQueue.add(key));
    closingNamespaces.reopenWith(this.batches.cache, (key) => this.batchQueue.add(key));
    this.events = new EventRecorder({ api: this.api, closingNamespaces, clock, log, component: 'sandbox-operator', random });
    this.tasks = new TaskTracker({
      client: new ExecutorClient({
        clock,
        signingKeys: options.signingKeys?.signing,
        sign: options.sign,
        connections: options.executors,
        onCall: (operation, result) => this.metrics.calledExecutor(operation, result),
      }),
      clock,
      log,
      random,
      onChange: (key) => this.batchQueue.add(key),
      onUnauthorized: (key) => this.batchController.reportUnauthorized(key),
    });
    this.poolChanges = new ChangeGatherer(clock, GATHER_MS, (uid) => this.poolChanged(uid));
    this.ledger = new Ledger({
      poolChanged: (uid) => this.poolChanges.add(uid),
      heldPodChanged: (key) => this.batchQueue.addAfter(key, GATHER_MS),
      demandChanged: (key, first) => {
        this.poolQueue.add(key);
        this.waiting.lineChanged(key, first);
      },
    });
    this.waiting = new WaitingBatches({ ledger: this.ledger, pools: this.pools.cache, clock, wake: (key, delayMs) => this.batchQueue.addAfter(key, delayMs) });
    const completePod = (spec: PodSpec) => completeExecutor(spec, { publicKeys: options.signingKeys?.publicKeys });
    const shared = { api: this.api, closingNamespaces, ledger: this.ledger, events: this.events, metrics: this.metrics, clock, poolPods: this.poolPods.cache, pools: this.pools.cache, completePod };
    this.assignment = new PoolAssignment({ ...shared, namespace: settings.podNamespace, log, random, retry: (key) => this.batchQueue.add(key) });
    this.recycler = new RecycleController({
      ...shared,
      log,
      seal: new RecordSeal(options.signingKeys?.signing ?? []),
      exec: options.exec ?? podExec({ connection, mayWrite: options.mayWrite }),
      reset: (pod, signal) => this.tasks.reset(pod, signal),
      enqueue: (podUID) => this.recycleQueue.add(podUID),
      returned: (batchKey) => this.batchQueue.addAfter(batchKey, GATHER_MS),
    });
    this.batchController = new BatchController({
      ...shared,
      batches: this.batches.cache,
      directPods: this.directPods.cache,
      ownPods: this.ownPods,
      tasks: this.tasks,
      recycler: this.recycler,
      publisher: new BatchPublisher(this.api, this.batches.cache, this.ownWrites),
      taskStopTimeoutMs: settings.taskStopTimeout,
      choosePool: (batch) => this.assignment.choose(batch),
      refresh: (batch, signal) => refreshBatch(this.api, this.batches.cache, batch, signal),
      requeue: (key, delayMs) => this.batchQueue.addAfter(key, delayMs),
    });
    this.poolController = new PoolController({ ...shared, ownWrites: this.ownWrites, random, recycleOrphan: (pod) => this.recycler.recycleOrphan(pod) });
    this.batchQueue = this.controllerOf('batchsandbox', settings.concurrency.batchsandbox, (key, signal) => this.batchController.reconcile(key, signal));
    this.poolQueue = this.controllerOf('pool', settings.concurrency.pool, (key, signal) => this.poolController.reconcile(key, signal));
    this.recycleQueue = this.controllerOf('recycle', settings.recyclePodConcurrency, (uid, signal) => this.recycler.reconcile(uid, signal));
    this.progress = new Progress({ batches: this.batches.cache, ownPods: this.ownPods, queue: this.batchQueue, clock });
    this.wire();
    this.metrics.observe({
      pools: () => describePools(this.pools.cache, this.ledger),
      batches: () => this.batches.cache.values(),
      watchAgesMs: () => this.watchAgesMs(),
      queueDepths: () => [['batchsandbox', this.batchQueue.depth], ['pool', this.poolQueue.depth], ['recycle', this.recycleQueue.depth], ['event', this.events.depth]],
      leading: () => this.acting,
    });
  }

  /** Fills the caches and keeps them filled until the signal aborts. Resolves when they are filled; writes nothing. */
  async watch(signal: AbortSignal): Promise<void> {
    for (const [kind, informer] of [...this.informers(), ['configmaps', this.assignment] as const]) {
      informer.run(signal).catch((error: unknown) => this.options.log.error({ err: error, kind }, 'informer ended'));
    }
    await Promise.race([Promise.all(this.informers().map(([, informer]) => informer.synced)), aborted(signal)]);
  }

  /**
   * Begins to act. Before the first write everything is listed anew with the state of now, so that the ledger knows every record, whatever
   * a leader before this one wrote last (R101). Does nothing once the signal has aborted, which ends a relist that never ends by itself.
   */
  async act(signal: AbortSignal): Promise<void> {
    await Promise.race([Promise.all(this.informers().map(([, informer]) => informer.relist())), aborted(signal)]);
    if (signal.aborted) return;
    setAsideUnreadable(this.batches.cache, this.pools.cache, this.ledger);
    if (this.options.settings.importLegacyAllocations) await this.batchController.importLegacy(signal);
    this.acting = true;
    for (const pool of this.pools.cache.values()) this.poolQueue.add(objectKey(pool));
    declareDemands(this.batches.cache.values(), this.ledger.demands, this.options.clock.now());
    const inOrder = [...this.batches.cache.values()].map(claimantOf).sort(compareClaimants);
    for (const { key } of inOrder) {
      // It may wait already, in the order in which the watch told of it.
      this.batchQueue.forget(key);
      this.batchQueue.add(key);
    }
    for (const queue of this.queues()) queue.start();
  }

  /** Ends what is under way: passes, calls to executors, events, connections. */
  async stop(): Promise<void> {
    this.acting = false;
    for (const gatherer of [this.poolChanges, this.progress]) gatherer.close();
    await Promise.all(this.queues().map((queue) => queue.stop()));
    await this.tasks.close();
    await this.events.close(FLUSH_MS);
    await this.transport.destroy();
  }

  /** Why this process is not ready, or `undefined` when it is: caches filled, no watch stale. Leadership is not asked for. */
  notReady(): string | undefined {
    const [kind, ageMs] = this.watchAgesMs().find(([, age]) => age > STALE_AFTER_MS) ?? [];
    return ageMs === undefined ? undefined : `the watch of ${kind ?? ''} has been silent for ${Math.round(ageMs / 1000)} s`;
  }

  private wire(): void {
    this.pools.cache.onChange(({ key, before, after }) => this.poolObjectChanged(key, before, after));
    this.batches.cache.onChange(({ key, before, after }) => this.batchChanged(key, before, after));
    this.poolPods.cache.onChange(({ before, after }) => {
      if (before !== undefined && before.metadata.uid !== after?.metadata.uid) this.poolPodChanged(before.metadata.uid ?? '', undefined);
      if (after !== undefined) this.poolPodChanged(after.metadata.uid ?? '', podFacts(after));
    });
    this.directPods.cache.onChange(({ before, after }) => {
      if (!this.ownPods.podChanged(before, after)) return;
      // By owner and not by label, which people may edit.
      for (const key of new Set([before, after].map(ownerKeyOf))) if (key !== undefined) this.progress.podsChanged(key);
    });
  }

  private poolPodChanged(uid: string, facts: PodFacts | undefined): void {
    this.ledger.podChanged(uid, facts);
    this.recycler.podChanged(uid);
  }

  private poolObjectChanged(key: string, before: Pool | undefined, after: Pool | undefined): void {
    if (before !== undefined && before.metadata.uid !== after?.metadata.uid) {
      this.poolKeyByUID.delete(before.metadata.uid ?? '');
      this.poolController.forget(before);
    }
    if (after !== undefined) this.notePool(key, after);
    this.assignment.poolChanged(before, after);
    tellOfPool({ key, before, after }, this.ownWrites, { queue: this.poolQueue, recycler: this.recycler, waiting: this.waiting });
  }

  private notePool(key: string, { metadata: { uid = '', namespace = '' } }: Pool): void {
    if (this.poolKeyByUID.has(uid)) return;
    this.poolKeyByUID.set(uid, key);
    this.ledger.poolSeen(uid, namespace);
  }

  private batchChanged(key: string, before: BatchSandbox | undefined, after: BatchSandbox | undefined): void {
    this.ledger.batchChanged(before, after);
    this.assignment.batchChanged(before, after);
    if (before !== undefined && before.metadata.uid !== after?.metadata.uid) this.batchController.forget(before);
    if (after === undefined) this.batchQueue.forget(key);
    else this.ownWrites.unlessOwn(after, () => this.batchQueue.add(key));
  }

  /** Counts of a pool changed: its size may be wrong, and batches that wait for its pods may be served. */
  private poolChanged(uid: string): void {
    const key = this.poolKeyByUID.get(uid);
    if (key === undefined) return;
    this.poolQueue.addAfter(key, 0);
    this.waiting.serve(key);
  }

  private inform<T extends KubeObject>(type: ResourceType<T>, trim: (object: T) => T, labelSelector?: string): Informer<T> {
    const { settings, clock, log, random } = this.options;
    // An own create that no watch ever shows is forgotten by the next list (R117).
    return new Informer({ api: this.api, type, namespaces: settings.namespaces, labelSelector, trim, relistMs: settings.expectationTimeout, clock, log, random });
  }

  private controllerOf(name: string, concurrency = 1, reconcile: Reconciler['reconcile']): Controller {
    const { clock, log, random } = this.options;
    return new Controller(
      { name, concurrency, reconcile },
      { clock, log, random, hooks: { reconciled: (outcome, durationMs) => this.metrics.reconciled(name, outcome, durationMs) } },
    );
  }

  private queues(): readonly Controller[] {
    return [this.poolQueue, this.batchQueue, this.recycleQueue];
  }

  private watchAgesMs(): [kind: string, ageMs: number][] {
    const { ageMs } = this.assignment;
    const ages = this.informers().map(([kind, informer]): [string, number] => [kind, informer.ageMs()]);
    return ageMs === undefined ? ages : [...ages, ['configmaps', ageMs]];
  }

  private informers(): [string, Pick<Informer<Pod>, 'run' | 'relist' | 'synced' | 'ageMs'>][] {
    return [['pools', this.pools], ['batchsandboxes', this.batches], ['pool pods', this.poolPods], ['batch pods', this.directPods]];
  }
}
