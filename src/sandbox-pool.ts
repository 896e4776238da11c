import { ApiObject, type ApiObjectMetadata, type Duration, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { type ExecutorOptions, hasExecutor } from './executor-sidecar';
import { checkMetadata, toMetadata } from './metadata';
import { PodCount } from './pod-count';
import { type PodTemplate } from './pod-template';
import { Problems, reportAtSynth } from './problems';
import { checkSpec, type SpecPathByProp } from './rendered-spec';
import { renderSandboxPod } from './sandbox-pod';
import { ANY_POOL, API_VERSION } from './schema/names';
import { MAX_POOL_SIZE, poolSpec, type PoolSpec } from './schema/pool';
import { isRecord } from './schema/validation';
import { renderSeconds } from './seconds';

/** How a pod that a sandbox gave back is treated. */
export enum RecycleStrategy {
  /** It is deleted, and a new one takes its place: nothing is left of the last user. */
  DELETE = 'Delete',
  /** Its containers are restarted, or it is deleted when that fails: nothing is left of the last user but what is in its volumes. */
  RESTART = 'Restart',
  /** It is given out again as it is, with everything that the last user left in it. */
  NOOP = 'Noop',
}

/** A pool of warm pods that fleets can draw from. */
export interface ISandboxPool {
  /** Name of the Pool. */
  readonly poolName: string;

  /**
   * Namespace of the Pool.
   *
   * @default - the namespace of whoever uses it
   */
  readonly poolNamespace?: string;
}

/** Properties of a SandboxPool. */
export interface SandboxPoolProps {
  /**
   * Name, namespace, labels and annotations of the Pool.
   *
   * @default - a name derived from the construct path, the namespace of the chart
   * @throws SYNTH_INVALID when the name is no DNS label of at most 63 characters
   */
  readonly metadata?: ApiObjectMetadata;

  /**
   * The pod that the pool keeps warm.
   *
   * @throws SYNTH_INVALID when it has no container, or names or quantities that Kubernetes refuses
   * @see Pool `spec.template` in src/schema/pool.ts
   */
  readonly template: PodTemplate;

  /**
   * Fewest idle pods kept ready, in pods (0 to 10000). Fewer start new pods, up to `poolMax`.
   *
   * @throws SYNTH_INVALID when it is above `bufferMax` or `poolMax`
   * @see Pool `spec.capacitySpec.bufferMin` in src/schema/pool.ts
   */
  readonly bufferMin: number;

  /**
   * Most idle pods kept ready, in pods (0 to 10000). More are deleted; pods that a sandbox holds do not count.
   *
   * @default - same as `bufferMin`
   * @throws SYNTH_INVALID when it is below `bufferMin`
   * @see Pool `spec.capacitySpec.bufferMax` in src/schema/pool.ts
   */
  readonly bufferMax?: number;

  /**
   * Fewest pods in all, idle and held, in pods (0 to 10000).
   *
   * @default 0
   * @throws SYNTH_INVALID when it is above `poolMax`
   * @see Pool `spec.capacitySpec.poolMin` in src/schema/pool.ts
   */
  readonly poolMin?: number;

  /**
   * Most pods in all, idle and held, in pods (0 to 10000). It wins over every other bound.
   *
   * @throws SYNTH_INVALID when it is below `poolMin` or `bufferMin`
   * @see Pool `spec.capacitySpec.poolMax` in src/schema/pool.ts
   */
  readonly poolMax: number;

  /**
   * Most pods that are not Ready while the pool grows; a larger count fills the pool faster.
   *
   * @default - the operator's own, PodCount.percent(25)
   * @see Pool `spec.scaleStrategy.maxUnavailable` in src/schema/pool.ts
   */
  readonly scaleMaxUnavailable?: PodCount;

  /**
   * Most pods that are not Ready while idle pods are replaced after a change of the template; pods that a sandbox holds are replaced when they
   * come back.
   *
   * @default - the operator's own, PodCount.percent(25)
   * @see Pool `spec.updateStrategy.maxUnavailable` in src/schema/pool.ts
   */
  readonly updateMaxUnavailable?: PodCount;

  /**
   * Least time that a pod must have left when a fleet gets it, in whole seconds (0 to 1 year), for a template with `activeDeadlineSeconds`; half of
   * that at most. Idle pods with less are replaced.
   *
   * @default - the operator's own, Duration.seconds(60)
   * @see Pool `spec.minRemainingLifetimeSeconds` in src/schema/pool.ts
   */
  readonly minRemainingLifetime?: Duration;

  /**
   * How a pod that a sandbox gave back is treated.
   *
   * @default RecycleStrategy.DELETE
   * @see Pool `spec.recycleStrategy.type` in src/schema/pool.ts
   */
  readonly recycleStrategy?: RecycleStrategy;

  /**
   * Adds the executor, which runs tasks, to the pod: a container of its own that enters the main one. `{}` takes all its defaults.
   *
   * @default - no executor is added; tasks then need one in the template
   */
  readonly executor?: ExecutorOptions;
}

const SPEC_PATHS: SpecPathByProp<SandboxPoolProps> = {
  metadata: undefined,
  template: 'template',
  bufferMin: 'capacitySpec.bufferMin',
  bufferMax: 'capacitySpec.bufferMax',
  poolMin: 'capacitySpec.poolMin',
  poolMax: 'capacitySpec.poolMax',
  scaleMaxUnavailable: 'scaleStrategy.maxUnavailable',
  updateMaxUnavailable: 'updateStrategy.maxUnavailable',
  minRemainingLifetime: 'minRemainingLifetimeSeconds',
  recycleStrategy: 'recycleStrategy.type',
  executor: undefined,
};

/** A pool of warm pods: a BatchSandboxFleet that names it gets its pods at once. */
export class SandboxPool extends Construct implements ISandboxPool {
  /**
   * A pool that this app does not define.
   *
   * @param poolName Name of a Pool in the namespace of the fleet.
   */
  static fromPoolName(poolName: string): ISandboxPool {
    return { poolName };
  }

  /**
   * Whichever Pool in the namespace of the fleet suits it best: the operator chooses once and writes its name into the fleet.
   *
   * A pool suits by the images, requests and node selectors of the fleet's `template`; without one, any does. Among those that suit, the one
   * with the smallest part of its pods given out is chosen. SandboxRuntime changes that with `poolAssignment`.
   */
  static any(): ISandboxPool {
    return { poolName: ANY_POOL };
  }

  /** The rendered Pool, for `addJsonPatch` and dependencies. */
  readonly apiObject: ApiObject;

  private readonly props: SandboxPoolProps;

  constructor(scope: Construct, id: string, props: SandboxPoolProps) {
    super(scope, id);
    this.props = isRecord(props) ? { ...(props as SandboxPoolProps) } : ({} as SandboxPoolProps);
    this.apiObject = new ApiObject(this, 'Resource', {
      apiVersion: API_VERSION,
      kind: 'Pool',
      metadata: toMetadata(this.props.metadata),
      spec: Lazy.any({ produce: () => this.renderSpec(new Problems()) }),
    });
    reportAtSynth(this, 'SandboxPool', (problems) => this.check(problems));
  }

  /** Name of the Pool in the cluster. */
  get poolName(): string {
    return this.apiObject.name;
  }

  /** Namespace of the Pool; undefined is the one that it is applied to. */
  get poolNamespace(): string | undefined {
    return this.apiObject.metadata.namespace;
  }

  /**
   * Whether its pods can run tasks.
   *
   * @internal
   */
  _hasExecutor(): boolean {
    return hasExecutor(this.renderSpec(new Problems()).template);
  }

  /**
   * Most pods that it can have; undefined when the prop is wrong, which is reported elsewhere.
   *
   * @internal
   */
  get _poolMax(): number | undefined {
    const { poolMax } = this.props;
    return Number.isInteger(poolMax) ? poolMax : undefined;
  }

  private check(problems: Problems): void {
    problems.checkKeys('', this.props, Object.keys(SPEC_PATHS));
    checkMetadata(problems, this.props.metadata, [this.apiObject]);
    const spec = this.renderSpec(problems);
    checkSpec(problems, poolSpec, spec, SPEC_PATHS);
    const { bufferMin, poolMax } = spec.capacitySpec;
    if (typeof bufferMin === 'number' && typeof poolMax === 'number' && bufferMin > poolMax) {
      problems.add('bufferMin', `at most poolMax (${poolMax})`, bufferMin, 'lower bufferMin or raise poolMax');
    }
  }

  private renderSpec(problems: Problems): PoolSpec {
    const { bufferMin, bufferMax = clampToPool(bufferMin), poolMin = 0, poolMax, template, executor } = this.props;
    const growth = PodCount._render(problems, 'scaleMaxUnavailable', this.props.scaleMaxUnavailable);
    const update = PodCount._render(problems, 'updateMaxUnavailable', this.props.updateMaxUnavailable);
    const minRemainingLifetimeSeconds = renderSeconds(problems, 'minRemainingLifetime', this.props.minRemainingLifetime);
    return {
      template: renderSandboxPod(problems, template, executor, this.apiObject),
      capacitySpec: { bufferMin, bufferMax, poolMin, poolMax },
      scaleStrategy: growth === undefined ? undefined : { maxUnavailable: growth },
      updateStrategy: update === undefined ? undefined : { maxUnavailable: update },
      minRemainingLifetimeSeconds,
      recycleStrategy: { type: this.props.recycleStrategy ?? RecycleStrategy.DELETE },
    };
  }
}

/** Keeps a wrong `bufferMin` from being reported again as the `bufferMax` that is taken from it. */
function clampToPool(pods: number): number {
  return Number.isInteger(pods) ? Math.min(Math.max(pods, 0), MAX_POOL_SIZE) : MAX_POOL_SIZE;
}
