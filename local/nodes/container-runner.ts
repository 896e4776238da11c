import type { Clock } from '../../src/program/clock';
import type { Container } from '../../src/schema/kubernetes';
import type { ContainerLog } from './container-log';
import { PodProcess, type ProcessExit, type ProcessSpec } from './pod-process';
import { type ContainerState, type ObservedContainer, toTime } from './pod-status';
import { type Probes, runReadinessProbe, runStartupProbe, type StartupProbe } from './probes';
import type { StartGate } from './start-gate';

/** Pod's `restartPolicy`. */
export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

/**
 * When a container that ended is started again, in ms: at once the first time, then after 10 s, doubling to 5 min; after a run of
 * 10 min at once again. These are the kubelet's delays.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
 */
const RESTART_DELAY = { baseMs: 10_000, maxMs: 300_000, resetAfterMs: 600_000 } as const;

/** Longest time that one start keeps others waiting, in ms; an executor on a busy machine answers within about a second. */
const LONGEST_START_MS = 2_000;

export interface ContainerRunnerProps {
  readonly container: Container;
  readonly process: ProcessSpec;
  readonly probes: Probes;
  readonly restartPolicy: RestartPolicy;
  /** Delay before the second restart in a row, in ms; it doubles from one to the next, up to 5 min. @default 10000, as the kubelet has it */
  readonly restartDelayMs?: number;
  readonly clock: Clock;
  readonly log: ContainerLog;
  readonly gate: StartGate;
  /** Called after each change of state or readiness. */
  readonly onChange: () => void;
  /** Makes the files of the container as they were at its first start; called before every other one. @default - they stay as they are */
  readonly renew?: () => Promise<void>;
  /** Tells people about something they should know. */
  readonly warn: (reason: string, message: string) => void;
}

/**
 * One container, from its first start to its last end.
 *
 *   waiting (ContainerCreating) ──start──> running ──exit──> terminated
 *                                            ^                   │ restart policy says again
 *                                            └──delay── waiting (CrashLoopBackOff)
 *
 * While it runs, its startup probe says when it has started, or ends it; from then on its readiness probe says whether it is ready.
 */
export class ContainerRunner {
  private state: ContainerState = { waiting: { reason: 'ContainerCreating' } };
  private lastState: ContainerState | undefined;
  private started = false;
  private ready = false;
  private restartCount = 0;
  private process: PodProcess | undefined;
  private readonly stopping = new AbortController();

  constructor(private readonly props: ContainerRunnerProps) {}

  get name(): string {
    return this.props.container.name;
  }

  /** With what it starts its first process. */
  get processSpec(): ProcessSpec {
    return this.props.process;
  }

  /** Pid of its first process while that runs. */
  get pid(): number | undefined {
    return 'running' in this.state ? this.process?.pid : undefined;
  }

  /** What is known of the container now. */
  observe(): ObservedContainer {
    const { state, lastState, started, ready, restartCount } = this;
    const pid = this.process?.pid;
    return {
      container: this.props.container,
      state,
      lastState,
      started,
      ready,
      restartCount,
      containerID: pid === undefined ? undefined : `process://${String(pid)}`,
    };
  }

  /** Runs the container until it ends for good or is stopped; tells whether its last run ended with exit code 0. */
  async run(): Promise<boolean> {
    const { restartPolicy, clock } = this.props;
    let quickRestarts = 0;
    while (!this.stopping.signal.aborted) {
      const startedMs = clock.monotonicMs();
      const exit = await this.runOnce();
      if (exit === undefined) break;
      const succeeded = exit.exitCode === 0;
      if (this.stopping.signal.aborted || restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && succeeded)) return succeeded;
      if (clock.monotonicMs() - startedMs >= RESTART_DELAY.resetAfterMs) quickRestarts = 0;
      await this.waitToRestart(quickRestarts);
      quickRestarts += 1;
    }
    return false;
  }

  /** Kills every process of the container; it starts again as its pod says. */
  async kill(): Promise<void> {
    await this.process?.stop(0);
  }

  /** Ends the container and forbids restarts: TERM, and KILL after the grace time. */
  async stop(graceMs: number): Promise<void> {
    this.stopping.abort();
    await this.process?.stop(graceMs);
  }

  /** One run; undefined when the container was stopped before it began. */
  private async runOnce(): Promise<ProcessExit | undefined> {
    const leaveGate = await this.props.gate.enter();
    if (this.stopping.signal.aborted) {
      leaveGate();
      return undefined;
    }
    const startedAt = this.props.clock.now();
    const process = new PodProcess(this.props.process, this.props.log);
    this.process = process;
    if (process.pid !== undefined) this.change({ running: { startedAt: toTime(startedAt) } });
    const ended = new AbortController();
    void this.watchProbes(process, leaveGate, ended.signal);
    const exit = await process.exited;
    ended.abort();
    leaveGate();
    this.started = false;
    this.ready = false;
    this.change({ terminated: toTerminated(exit, startedAt, this.props.clock.now()) });
    return exit;
  }

  /** Holds the place at the gate until the container is ready, since loading is what costs. */
  private async watchProbes(process: PodProcess, leaveGate: () => void, signal: AbortSignal): Promise<void> {
    if (process.pid === undefined) return;
    const { probes: { startup, readiness }, clock } = this.props;
    const startedMs = clock.monotonicMs();
    const cancelTimer = clock.setTimer(LONGEST_START_MS, leaveGate);
    const setReady = (ready: boolean) => {
      if (ready) leaveGate();
      this.ready = ready;
      this.props.onChange();
    };
    this.started = startup === undefined || (await this.hasStarted(startup, process, signal));
    if (!this.started) leaveGate();
    else if (readiness === undefined) setReady(true);
    else {
      this.props.onChange();
      await runReadinessProbe(readiness, clock, startedMs, setReady, signal);
    }
    cancelTimer();
  }

  /** True once the startup probe passes. When it fails, the container is ended, as on a real node. */
  private async hasStarted(probe: StartupProbe, process: PodProcess, signal: AbortSignal): Promise<boolean> {
    if (await runStartupProbe(probe, this.props.clock, signal)) return true;
    if (signal.aborted) return false;
    const expected = `a success within ${String(probe.failureThreshold)} probes`;
    this.props.warn('Unhealthy', `container '${this.props.container.name}': startupProbe: expected ${expected}, got none; the container is ended`);
    await process.stop(probe.graceMs);
    return false;
  }

  private async waitToRestart(quickRestarts: number): Promise<void> {
    const { restartDelayMs = RESTART_DELAY.baseMs } = this.props;
    const delayMs = quickRestarts === 0 ? 0 : Math.min(RESTART_DELAY.maxMs, restartDelayMs * 2 ** (quickRestarts - 1));
    this.lastState = this.state;
    if (delayMs > 0) {
      const message = `back-off ${String(delayMs / 1000)}s restarting failed container=${this.props.container.name}`;
      this.change({ waiting: { reason: 'CrashLoopBackOff', message } });
      await this.props.clock.sleep(delayMs, this.stopping.signal);
    }
    if (!this.stopping.signal.aborted) await this.props.renew?.();
    this.restartCount += 1;
  }

  private change(state: ContainerState): void {
    this.state = state;
    this.props.onChange();
  }
}

function toTerminated({ exitCode, signal, startError }: ProcessExit, startedAt: Date, finishedAt: Date) {
  return {
    exitCode,
    ...(signal !== undefined && { signal }),
    reason: startError !== undefined ? 'StartError' : exitCode === 0 ? 'Completed' : 'Error',
    ...(startError !== undefined && { message: startError }),
    startedAt: toTime(startedAt),
    finishedAt: toTime(finishedAt),
  };
}
