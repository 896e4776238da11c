import { ApiObject, type ApiObjectMetadata, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { type ExecutorOptions, hasExecutor } from './executor-sidecar';
import { renderExpireTime } from './expire-time';
import { type AllocationPolicy, checkAllocation, TaskResourcePolicy } from './fleet-policies';
import {
  bytesOf,
  ENDPOINT_BYTES,
  type FleetSlice,
  isBatchSize,
  isReplicaCount,
  MAX_FLEET_REPLICAS,
  MAX_OBJECT_BYTES,
  MAX_SLICE_BYTES,
  planSlices,
} from './fleet-slices';
import { checkSource } from './fleet-source';
import { checkMetadata, toMetadata } from './metadata';
import { type PodTemplate } from './pod-template';
import { Problems, reportAtSynth } from './problems';
import { checkSpec, type SpecPathByProp } from './rendered-spec';
import { renderSandboxPod } from './sandbox-pod';
import { type ISandboxPool, SandboxPool } from './sandbox-pool';
import { batchSandboxSpec, type BatchSandboxSpec, MAX_BATCH_REPLICAS } from './schema/batch-sandbox';
import { type PodTemplateSpec } from './schema/kubernetes';
import { API_VERSION, MAX_NAME_LENGTH, Port } from './schema/names';
import { podOfShard } from './schema/shards';
import { isRecord } from './schema/validation';
import { checkShardPatches, renderShardPatches, unlessEmpty } from './shard-patches';
import { TaskShards } from './task-shards';

/** Properties of a BatchSandboxFleet. */
export interface BatchSandboxFleetProps {
  /**
   * Name, namespace, labels and annotations. A fleet of several BatchSandboxes names them `<name>`, `<name>-1`, `<name>-2` and so on.
   *
   * @default - a name derived from the construct path, the namespace of the chart
   * @throws SYNTH_INVALID when a name is no DNS label of at most 63 characters
   */
  readonly metadata?: ApiObjectMetadata;

  /**
   * Number of sandboxes, 0 or more.
   *
   * @default - the number of shards of `tasks`, otherwise 1
   * @throws SYNTH_INVALID when there are more shards or shard patches than sandboxes, or more sandboxes than `poolMax` of a pool of this app
   */
  readonly replicas?: number;

  /**
   * The pool that the sandboxes come from: a SandboxPool, SandboxPool.fromPoolName for one outside this app, or SandboxPool.any() for
   * whichever suits.
   *
   * @default - none; every sandbox is a new pod from `template`
   * @throws SYNTH_INVALID when neither it nor `template` is set, or the pool is in another namespace
   */
  readonly pool?: ISandboxPool;

  /**
   * The pod of every sandbox, when they come from no pool. Beside SandboxPool.any() it makes no pods: its images, requests and node selectors
   * say which pools suit.
   *
   * @default - none; the sandboxes come from `pool`
   * @throws SYNTH_INVALID when it is set beside another `pool`, or neither is set
   */
  readonly template?: PodTemplate;

  /**
   * Adds the executor, which runs tasks, to the pod of `template`. `{}` takes all its defaults.
   *
   * @default - no executor is added; tasks then need one in the template or pool
   */
  readonly executor?: ExecutorOptions;

  /**
   * Item i is a strategic merge patch, `{ metadata, spec }`, for the pod of sandbox i; `{}` changes nothing.
   *
   * @default - none
   * @throws SYNTH_INVALID when it is set beside `pool`, has more items than there are sandboxes, or holds null, which cdk8s leaves out of manifests
   * @see shared/reference/resources.md rules R24 to R28
   */
  readonly shardPatches?: object[];

  /**
   * The work: one task a sandbox.
   *
   * @default - no tasks
   * @throws SYNTH_INVALID when the pods have no executor, as far as this app defines them
   */
  readonly tasks?: TaskShards;

  /**
   * What happens to a sandbox when its task has ended, in success or failure.
   *
   * @default TaskResourcePolicy.RETAIN
   * @see BatchSandbox `spec.taskResourcePolicyWhenCompleted` in src/schema/batch-sandbox.ts
   */
  readonly taskResourcePolicyWhenCompleted?: TaskResourcePolicy;

  /**
   * Rank among the fleets that wait for pods of the pool (any whole number of 32 bits): higher is served first, then the oldest. No fleet loses a
   * sandbox to a higher one.
   *
   * @default 0
   * @throws SYNTH_INVALID when it is set without `pool`
   */
  readonly priority?: number;

  /**
   * How the sandboxes get pods of a pool that has too few.
   *
   * @default AllocationPolicy.PARTIAL
   * @throws SYNTH_INVALID when it is set without `pool`, or is ALL_OR_NOTHING in a fleet of several BatchSandboxes
   */
  readonly allocationPolicy?: AllocationPolicy;

  /**
   * When the fleet is deleted, with all its sandboxes.
   *
   * @default - never
   * @throws SYNTH_INVALID when it is no valid time, or in the past
   */
  readonly expireTime?: Date;

  /**
   * Most sandboxes of one BatchSandbox (1 to 10000). A larger fleet is split; so is one whose shards need more than about 240 kB.
   *
   * @default 10000
   */
  readonly maxPerBatch?: number;
}

const SPEC_PATHS: SpecPathByProp<BatchSandboxFleetProps> = {
  metadata: undefined,
  replicas: 'replicas',
  pool: 'poolRef',
  template: 'template',
  executor: undefined,
  shardPatches: 'shardPatches',
  tasks: 'shardTaskPatches',
  taskResourcePolicyWhenCompleted: 'taskResourcePolicyWhenCompleted',
  priority: 'priority',
  allocationPolicy: 'allocationPolicy',
  expireTime: 'expireTime',
  maxPerBatch: undefined,
};

/** A number of sandboxes, as one BatchSandbox or, when one object cannot hold them, as several. */
export class BatchSandboxFleet extends Construct {
  /** The first rendered BatchSandbox, for `addJsonPatch` and dependencies; of a fleet that fits into one, the only one. */
  readonly apiObject: ApiObject;

  private readonly props: BatchSandboxFleetProps;
  private readonly slices: readonly FleetSlice[];
  private readonly objects: readonly ApiObject[];
  private readonly plannedShards: number;

  constructor(scope: Construct, id: string, props: BatchSandboxFleetProps) {
    super(scope, id);
    this.props = isRecord(props) ? { ...(props as BatchSandboxFleetProps) } : {};
    this.apiObject = this.addBatch(0, toMetadata(this.props.metadata));
    this.plannedShards = this.tasks?.shards.length ?? 0;
    this.slices = this.planSlices();
    this.objects = [this.apiObject, ...this.slices.slice(1).map((_, index) => this.addBatch(index + 1, this.metadataOf(index + 1)))];
    reportAtSynth(this, 'BatchSandboxFleet', (problems) => this.check(problems));
  }

  /** All rendered BatchSandboxes, in slot order. */
  get apiObjects(): ApiObject[] {
    return [...this.objects];
  }

  private addBatch(index: number, metadata: ApiObjectMetadata): ApiObject {
    return new ApiObject(this, index === 0 ? 'Resource' : `Resource${index}`, {
      apiVersion: API_VERSION,
      kind: 'BatchSandbox',
      metadata,
      spec: Lazy.any({ produce: () => this.renderSpec(new Problems(), this.slices[index]) }),
    });
  }

  /** The first batch keeps the name of the fleet, so that a fleet that outgrows one object keeps the sandboxes that it has. */
  private metadataOf(index: number): ApiObjectMetadata {
    const metadata = toMetadata(this.props.metadata);
    const suffix = `-${index}`;
    // A derived name ends in its hash: cut at the front it stays unique.
    const name = metadata.name ?? this.apiObject.name.slice(-(MAX_NAME_LENGTH - suffix.length)).replace(/^-+/, '');
    return { ...metadata, name: name + suffix };
  }

  private planSlices(): FleetSlice[] {
    const { maxPerBatch = MAX_BATCH_REPLICAS } = this.props;
    const { template, taskTemplate, shardPatches = [], shardTaskPatches = [] } = this.renderSpec(new Problems());
    return planSlices(isReplicaCount(this.replicas) ? this.replicas : 1, {
      maxReplicas: isBatchSize(maxPerBatch) ? maxPerBatch : MAX_BATCH_REPLICAS,
      maxBytes: MAX_SLICE_BYTES,
      fixedBytes: bytesOf(template) + bytesOf(taskTemplate),
      bytesOf: (index) => bytesOf(shardPatches[index]) + bytesOf(shardTaskPatches[index]) + ENDPOINT_BYTES,
    });
  }

  private get replicas(): number {
    return this.props.replicas ?? this.tasks?.shards.length ?? 1;
  }

  private get tasks(): TaskShards | undefined {
    return this.props.tasks instanceof TaskShards ? this.props.tasks : undefined;
  }

  private check(problems: Problems): void {
    problems.checkKeys('', this.props, Object.keys(SPEC_PATHS));
    checkMetadata(problems, this.props.metadata, this.objects);
    this.checkCounts(problems);
    checkSource(problems, this.props, this.replicas, this.apiObject.metadata.namespace);
    checkAllocation(problems, this.props, this.slices.length);
    const spec = this.renderSpec(problems, this.slices[0]);
    checkShardPatches(problems, this.props.shardPatches);
    checkSpec(problems, batchSandboxSpec, spec, SPEC_PATHS);
    this.checkShards(problems, spec.template);
    this.checkExecutor(problems, spec.template);
  }

  private checkExecutor(problems: Problems, template: PodTemplateSpec | undefined): void {
    const { pool } = this.props;
    const isMissing = pool === undefined ? template !== undefined && !hasExecutor(template) : pool instanceof SandboxPool && !pool._hasExecutor();
    if (this.tasks !== undefined && isMissing) {
      const where = pool === undefined ? 'executor' : 'executor of the pool';
      problems.add('tasks', `an executor in the pod (container port ${Port.executor})`, undefined, `set ${where}, such as executor: {}`);
    }
  }

  /** Checks what depends on a sandbox: its pod after its patch, and that one object can hold it. */
  private checkShards(problems: Problems, template: PodTemplateSpec | undefined): void {
    const { shardPatches } = this.props;
    const isFaulty = (prop: string) => problems.all.some(({ path }) => path.startsWith(prop));
    if (template !== undefined && Array.isArray(shardPatches) && !['template', 'executor', 'shardPatches'].some(isFaulty)) {
      for (const [index, patch] of shardPatches.entries()) {
        const pod = podOfShard(template, patch, index);
        problems.addAll(pod.ok ? [] : pod.problems);
      }
    }
    for (const slice of this.slices) {
      const bytes = bytesOf(this.renderSpec(new Problems(), slice));
      if (bytes > MAX_OBJECT_BYTES) {
        problems.add('tasks', `at most ${MAX_OBJECT_BYTES} bytes for one sandbox with its patches`, `${bytes} bytes for sandbox ${slice.from}`);
      }
    }
  }

  private checkCounts(problems: Problems): void {
    const { maxPerBatch, shardPatches, tasks } = this.props;
    const { replicas } = this;
    if (maxPerBatch !== undefined && !isBatchSize(maxPerBatch)) {
      problems.add('maxPerBatch', `a whole number from 1 to ${MAX_BATCH_REPLICAS}`, maxPerBatch);
    }
    if (tasks !== undefined && this.tasks === undefined) {
      problems.add('tasks', 'a TaskShards', tasks);
    }
    if (!isReplicaCount(replicas)) {
      problems.add('replicas', `a whole number from 0 to ${MAX_FLEET_REPLICAS}`, replicas);
      return;
    }
    if (Array.isArray(shardPatches) && shardPatches.length > replicas) {
      problems.add('shardPatches', `at most ${replicas} items (replicas)`, shardPatches, 'raise replicas or remove items');
    }
    const shards = this.tasks?.shards ?? [];
    if (shards.length !== this.plannedShards) {
      problems.add('tasks', `${this.plannedShards} shards, as when the fleet was created`, shards, 'add all shards before');
    } else if (shards.length > replicas) {
      problems.add('tasks', `at most ${replicas} shards (replicas)`, shards, 'raise replicas or remove shards');
    }
  }

  /** The spec of one slice; without a slice, of the whole fleet. */
  private renderSpec(problems: Problems, { from, to }: FleetSlice = { from: 0, to: this.replicas }): BatchSandboxSpec {
    const { pool, template, executor, priority, allocationPolicy, taskResourcePolicyWhenCompleted = TaskResourcePolicy.RETAIN } = this.props;
    return {
      replicas: to - from,
      poolRef: pool?.poolName,
      template: template === undefined ? undefined : renderSandboxPod(problems, template, executor, this.apiObject),
      shardPatches: unlessEmpty(renderShardPatches(this.props.shardPatches, from, to)),
      expireTime: renderExpireTime(problems, this.props.expireTime),
      taskTemplate: this.tasks?._renderTemplate(),
      shardTaskPatches: unlessEmpty(this.tasks?._renderPatches(from, to)),
      taskResourcePolicyWhenCompleted,
      priority,
      allocationPolicy,
    };
  }
}
