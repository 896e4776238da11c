import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type Clock, LONGEST_TIMER_MS } from '../../src/program/clock';
import type { Container } from '../../src/schema/kubernetes';
import { ContainerLog } from './container-log';
import { ContainerRunner, type RestartPolicy } from './container-runner';
import type { ObservedPod } from './pod-status';
import { unfilledVolumes, volumeFolder, volumeNames } from './pod-volumes';
import type { PodSweeper } from './pod-sweeper';
import { toProbes } from './probes';
import { endedCommand, type ExecCommand, startCommand } from './exec-command';
import { hasHandler, toInitSignal } from './init-signal';
import type { ProcessSpec } from './pod-process';
import { containerFolder, hasProgram, type NodeSettings, type PlacedPod, temporaryFolder, toProcessSpec, unresolvedVariables } from './process-spec';
import type { StartGate } from './start-gate';

export interface PodRunnerProps {
  readonly placed: PlacedPod;
  readonly node: NodeSettings;
  readonly gate: StartGate;
  readonly sweeper: PodSweeper;
  readonly clock: Clock;
  /** Called after each change that shows in {@link PodRunner.observe}. */
  readonly onChange: () => void;
  /** Tells people about something they should know, as a Warning event on the pod. */
  readonly warn: (reason: string, message: string) => void;
}

/** What the process that holds the namespaces of a pod ends by. */
const POD_ENDING_SIGNALS: readonly number[] = [constants.signals.SIGTERM, constants.signals.SIGINT];

/** Kubernetes' default of a pod's `terminationGracePeriodSeconds`. */
export const DEFAULT_GRACE_SECONDS = 30;

/** One pod on its node: its folder, its init containers in order, then its containers side by side. */
export class PodRunner {
  private readonly startedAt: Date;
  private readonly initContainers: ContainerRunner[] = [];
  private readonly containers: ContainerRunner[] = [];
  private readonly logByContainer = new Map<string, ContainerLog>();
  private initialized = false;
  private stopped = false;
  private deadlineExceeded = false;
  private finished: Promise<void> = Promise.resolve();

  constructor(private readonly props: PodRunnerProps) {
    this.startedAt = props.clock.now();
  }

  /** What is known of the pod now. */
  observe(): ObservedPod {
    const { placed, node } = this.props;
    return {
      pod: placed.pod,
      address: placed.address,
      hostAddress: node.address,
      startedAt: this.startedAt,
      initContainers: this.initContainers.map((runner) => runner.observe()),
      containers: this.containers.map((runner) => runner.observe()),
      initialized: this.initialized,
      deadlineExceeded: this.deadlineExceeded,
    };
  }

  /** Output of a container, or undefined when the pod has none of that name. */
  log(container: string): ContainerLog | undefined {
    return this.logByContainer.get(container);
  }

  /** What starts a command in a container; undefined when that does not run. */
  command(container: string, argv: readonly string[]): (() => ExecCommand) | undefined {
    const runner = this.containers.find(({ name }) => name === container);
    const pid = runner?.pid;
    if (runner === undefined || pid === undefined) return undefined;
    const init = toInitSignal(argv);
    if (init === undefined) return () => startCommand(argv, runner.processSpec);
    if (init === 'unclear') return () => endedCommand(1, `${argv.join(' ')}: expected 'kill [-SIGNAL] 1', got more; process 1 of this machine is none of the pod\n`);
    return () => this.signalInit(pid, init.signal);
  }

  /** Runs the pod until all its containers have ended for good, its `activeDeadlineSeconds` are over, or it is stopped. */
  run(): Promise<void> {
    const deadlineMs = (this.props.placed.pod.spec?.activeDeadlineSeconds ?? Infinity) * 1000;
    let ending: Promise<void> | undefined;
    const end = () => (ending = this.endAtDeadline());
    const cancelTimer = deadlineMs > LONGEST_TIMER_MS ? undefined : this.props.clock.setTimer(deadlineMs, end);
    this.finished = this.runContainers()
      .finally(() => cancelTimer?.())
      .then(() => ending);
    return this.finished;
  }

  /**
   * Ends every process of the pod: TERM, KILL after the grace time, and then what has left the process groups. Removes its folder.
   */
  async stop(graceMs: number): Promise<void> {
    await this.stopContainers(graceMs);
    await this.finished;
    const { pod, folder } = this.props.placed;
    await this.props.sweeper.sweep(pod.metadata.uid ?? '');
    for (const log of this.logByContainer.values()) log.close();
    await rm(folder, { recursive: true, force: true });
  }

  /** Process 1 is the first of the container; where the containers of a pod share their processes it is that of the pod, with which all others end. */
  private signalInit(pid: number, signal: number): ExecCommand {
    if (this.props.placed.pod.spec?.shareProcessNamespace === true) {
      if (!POD_ENDING_SIGNALS.includes(signal)) return endedCommand(0);
      for (const runner of this.containers) void runner.kill();
      return endedCommand(128 + constants.signals.SIGKILL);
    }
    if (hasHandler(pid, signal)) process.kill(pid, signal);
    return endedCommand(0);
  }

  private async stopContainers(graceMs: number): Promise<void> {
    this.stopped = true;
    await Promise.all([...this.initContainers, ...this.containers].map((runner) => runner.stop(graceMs)));
  }

  /** A pod past its deadline has failed once nothing of it runs any more, as on a real node. */
  private async endAtDeadline(): Promise<void> {
    await this.stopContainers(this.graceMs);
    this.deadlineExceeded = true;
    this.props.onChange();
  }

  private get graceMs(): number {
    const graceSeconds = this.props.placed.pod.spec?.terminationGracePeriodSeconds;
    return (typeof graceSeconds === 'number' ? graceSeconds : DEFAULT_GRACE_SECONDS) * 1000;
  }

  private async runContainers(): Promise<void> {
    const { spec } = this.props.placed.pod;
    await this.makeFolders();
    const policy = (spec?.restartPolicy ?? 'Always') as RestartPolicy;
    const initPolicy = policy === 'Always' ? 'OnFailure' : policy;
    this.initContainers.push(...(await Promise.all((spec?.initContainers ?? []).map((container) => this.toRunner(container, initPolicy)))));
    this.containers.push(...(await Promise.all((spec?.containers ?? []).map((container) => this.toRunner(container, policy)))));
    for (const runner of this.initContainers) {
      if (this.stopped || !(await runner.run())) return;
    }
    this.initialized = true;
    this.props.onChange();
    if (!this.stopped) await Promise.all(this.containers.map((runner) => runner.run()));
  }

  private async makeFolders(): Promise<void> {
    const { placed, warn } = this.props;
    const spec = placed.pod.spec ?? {};
    const unfilled = unfilledVolumes(spec);
    if (unfilled.length > 0) warn('VolumesEmpty', `volumes: expected emptyDir, got other sources; empty on this node: ${unfilled.join(', ')}`);
    const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
    const folders = [
      join(placed.folder, 'logs'),
      ...volumeNames(spec).map((name) => volumeFolder(placed.folder, name)),
      ...containers.flatMap(({ name }) => [containerFolder(name, placed), temporaryFolder(name, placed)]),
    ];
    await Promise.all(folders.map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
  }

  private async toRunner(container: Container, restartPolicy: RestartPolicy): Promise<ContainerRunner> {
    const { placed, node, gate, clock, onChange, warn } = this.props;
    const unresolved = unresolvedVariables(container, placed, node);
    const subject = `container '${container.name}'`;
    if (unresolved.length > 0) {
      warn('VariablesNotSet', `${subject}: env: expected values or fields of the pod, got other sources; not set: ${unresolved.join(', ')}`);
    }
    if (!hasProgram(container)) {
      warn('NoImages', `${subject}: expected a command, got none; the program of its image is not run on this node, it idles`);
    }
    const log = new ContainerLog(join(placed.folder, 'logs', `${container.name}.log`));
    this.logByContainer.set(container.name, log);
    const process = await this.withExistingDirectory(container, toProcessSpec(container, placed, node));
    const probes = toProbes(container, placed.address, process, this.graceMs);
    const renew = async () => {
      await Promise.all([containerFolder(container.name, placed), temporaryFolder(container.name, placed)].map(emptyFolder));
      if (process.cwd.startsWith(`${placed.folder}/`)) await mkdir(process.cwd, { recursive: true, mode: 0o700 });
    };
    return new ContainerRunner({ container, process, probes, restartPolicy, clock, log, gate, onChange, renew, warn });
  }

  /** A container runtime makes a missing `workingDir`; here that is done inside the pod's folder only, never elsewhere on the machine. */
  private async withExistingDirectory(container: Container, process: ProcessSpec): Promise<ProcessSpec> {
    const { placed, warn } = this.props;
    if (process.cwd.startsWith(`${placed.folder}/`)) {
      await mkdir(process.cwd, { recursive: true, mode: 0o700 });
      return process;
    }
    const isDirectory = await stat(process.cwd).then((found) => found.isDirectory(), () => false);
    if (isDirectory) return process;
    const subject = `container '${container.name}'`;
    warn('NoWorkingDir', `${subject}: workingDir: expected a directory of this machine, got '${process.cwd}'; starts in its own folder`);
    return { ...process, cwd: containerFolder(container.name, placed) };
  }
}

/** The folder itself stays: processes may be in it. */
async function emptyFolder(path: string): Promise<void> {
  await Promise.all((await readdir(path)).map((entry) => rm(join(path, entry), { recursive: true, force: true })));
}
