import { type Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { ACYCLIC_SENTENCE, hasCycle } from './plain-data';
import { checkPatch } from './pod-checks';
import { Problems, reportAtSynth } from './problems';
import { taskOfShard } from './schema/shards';
import { isRecord } from './schema/validation';
import { renderSeconds } from './seconds';

/** One variable of a task's environment. */
export interface TaskEnvVar {
  /** Name of the variable. */
  readonly name: string;
  /** Its value. */
  readonly value: string;
}

/** What a task runs. */
export interface TaskOptions {
  /**
   * Program and its first arguments. Executed as it is, never through a shell; write `['sh', '-c', '…']` for one.
   *
   * @default - none in TaskShardsProps; each shard then needs its own; in a shard, the command of all shards
   * @throws SYNTH_INVALID when it is empty, or missing in the shard and in TaskShardsProps
   */
  readonly command?: string[];

  /**
   * Arguments after `command`.
   *
   * @default - none; in a shard, the arguments of all shards
   */
  readonly args?: string[];

  /**
   * Variables added to the environment of the sandbox. In a shard they are merged by name with those of all shards, and win.
   *
   * @default - none
   */
  readonly env?: TaskEnvVar[];

  /**
   * Directory in the sandbox in which the task starts.
   *
   * @default - the directory of the executor; in a shard, the directory of all shards
   */
  readonly workingDir?: string;

  /**
   * Longest run time, in whole seconds of at least one; the task is then stopped and has failed.
   *
   * @default - no limit; in a shard, the limit of all shards
   */
  readonly timeout?: Duration;
}

/** How the task of one shard differs from the others. */
export interface TaskShard extends TaskOptions {
  /**
   * A strategic merge patch of the task template, `{ spec: { process: … } }`, for what no other option says.
   *
   * @default - none
   * @throws SYNTH_INVALID when another option is set beside it, or when it holds null, which cdk8s leaves out of manifests
   * @see shared/reference/resources.md rules R26 to R30
   */
  readonly patch?: object;
}

/** Properties of TaskShards: what all shards have in common. */
export interface TaskShardsProps extends TaskOptions {
  /**
   * One entry a sandbox, in slot order: entry i is the task of sandbox i. `{}` runs the common task.
   *
   * @default - none yet; see `addShard`
   */
  readonly shards?: TaskShard[];
}

const OPTION_PATHS: Readonly<Record<keyof TaskOptions, string>> = {
  command: 'spec.process.command',
  args: 'spec.process.args',
  env: 'spec.process.env',
  workingDir: 'spec.process.workingDir',
  timeout: 'spec.timeoutSeconds',
};
const OPTIONS = Object.keys(OPTION_PATHS);

/** One task template and one patch a shard: the work of a fleet, with a part for each sandbox. */
export class TaskShards extends Construct {
  private readonly props: TaskShardsProps;
  private readonly entries: TaskShard[];

  constructor(scope: Construct, id: string, props: TaskShardsProps = {}) {
    super(scope, id);
    this.props = isRecord(props) ? { ...(props as TaskShardsProps) } : {};
    this.entries = Array.isArray(this.props.shards) ? [...this.props.shards] : [];
    reportAtSynth(this, 'TaskShards', (problems) => this.check(problems));
  }

  /** The shards so far, in slot order. */
  get shards(): TaskShard[] {
    return [...this.entries];
  }

  /**
   * Adds the task of the next sandbox. Add all shards before a fleet takes them.
   *
   * @param shard How it differs from the common task.
   */
  addShard(shard: TaskShard): void {
    this.entries.push(shard);
  }

  /**
   * The task that all shards have in common, as `taskTemplate` of a batch; `{}` when nothing is common.
   *
   * @internal
   */
  _renderTemplate(): RenderedTask {
    return renderTask(new Problems(), '', this.props);
  }

  /**
   * The patches of shards `from` to `to - 1`, as `shardTaskPatches` of a batch.
   *
   * @internal
   */
  _renderPatches(from: number, to: number): Record<string, unknown>[] {
    return this.entries.slice(from, to).map((shard) => renderShard(new Problems(), '', shard) ?? {});
  }

  private check(problems: Problems): void {
    problems.checkKeys('', this.props, [...OPTIONS, 'shards']);
    if (this.props.shards !== undefined && !Array.isArray(this.props.shards)) {
      problems.add('shards', 'a list', this.props.shards);
    }
    const common = renderTask(problems, '', this.props);
    // Checked with a command of its own, since each shard may bring its command.
    const commonTask = taskOfShard(withCommand(common), {}, 0);
    addTaskProblems(problems, commonTask, toOptionPath);
    const commonFaults = new Set(commonTask.ok ? [] : commonTask.problems.map(({ path }) => path));
    const isCommonRight = problems.all.length === 0;
    let taskCount = common.spec?.process?.command === undefined ? 0 : 1;
    this.entries.forEach((shard, index) => {
      const path = `shards[${index}]`;
      const patch = renderShard(problems, path, shard);
      if (patch !== undefined) {
        const task = withoutFaults(taskOfShard(common, patch, index), commonFaults);
        taskCount += task.ok && task.value === undefined ? 0 : 1;
        addTaskProblems(problems, task, (taskPath) => join(path, shard.patch === undefined ? toOptionPath(taskPath) : join('patch', taskPath)));
      }
    });
    if (isCommonRight && taskCount === 0) {
      problems.add('command', 'a list of at least 1 item', this.props.command, 'set command, or add shards that do');
    }
  }
}

/** Part of a TaskTemplate; what is left out is not said. */
type RenderedTask = {
  readonly spec?: { readonly process?: Readonly<Record<string, unknown>>; readonly timeoutSeconds?: number };
};

function renderTask(problems: Problems, path: string, options: TaskOptions): RenderedTask {
  const { command, args, env, workingDir } = options;
  if (hasCycle([command, args, env, workingDir])) {
    problems.addKind(path, ACYCLIC_SENTENCE, options);
    return {};
  }
  const process = definedFields({ command, args, env: renderEnv(problems, join(path, 'env'), env), workingDir });
  const timeoutSeconds = renderSeconds(problems, join(path, 'timeout'), options.timeout);
  return definedFields({ spec: definedFields({ process, timeoutSeconds }) }) ?? {};
}

function renderEnv(problems: Problems, path: string, env: unknown): readonly unknown[] | undefined {
  if (env !== undefined && !Array.isArray(env)) {
    problems.addKind(path, 'a list of {name, value}', env, "write [{ name: 'RANK', value: '3' }]");
    return undefined;
  }
  return env;
}

/** The patch of one shard; undefined, with a problem, when it cannot be read. */
function renderShard(problems: Problems, path: string, shard: unknown): Record<string, unknown> | undefined {
  if (!problems.checkKeys(path, shard, [...OPTIONS, 'patch'])) {
    return undefined;
  }
  const { patch, ...options } = shard as TaskShard;
  if (patch === undefined) {
    return renderTask(problems, path, options);
  }
  for (const [option, value] of Object.entries(options)) {
    if (value !== undefined) {
      problems.add(join(path, option), 'nothing beside patch', value, 'write it into the patch');
    }
  }
  return checkPatch(problems, join(path, 'patch'), patch) ? patch : undefined;
}

/** The object without its undefined fields; undefined when none is left. */
function definedFields<T extends object>(fields: T): T | undefined {
  const defined = Object.entries(fields).filter(([, value]) => value !== undefined);
  return defined.length === 0 ? undefined : (Object.fromEntries(defined) as T);
}

function withCommand(task: RenderedTask): RenderedTask {
  return { spec: { ...task.spec, process: { command: ['true'], ...task.spec?.process } } };
}

/** The task without the problems at `paths`: a fault of the common task would be repeated for every shard. */
function withoutFaults(task: ReturnType<typeof taskOfShard>, paths: ReadonlySet<string>): ReturnType<typeof taskOfShard> {
  return task.ok ? task : { ok: false, problems: task.problems.filter(({ path }) => !paths.has(path)) };
}

/** Adds the problems of a merged task; `toPath` turns a path in the TaskTemplate into one of props. */
function addTaskProblems(problems: Problems, task: ReturnType<typeof taskOfShard>, toPath: (taskPath: string) => string): void {
  if (!task.ok) {
    problems.addAll(
      task.problems.map((problem) => ({ ...problem, path: toPath(problem.path.replace(/^(taskTemplate|shardTaskPatches\[\d+\])\.?/, '')) })),
    );
  }
}

function toOptionPath(taskPath: string): string {
  const [option, specPath] = Object.entries(OPTION_PATHS).find(([, start]) => taskPath.startsWith(start)) ?? ['', ''];
  return option + taskPath.slice(specPath.length);
}

function join(path: string, option: string): string {
  return path === '' || option === '' ? path + option : `${path}.${option}`;
}
