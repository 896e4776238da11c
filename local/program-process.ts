import type { Clock } from '../src/program/clock';
import { ContainerLog } from './nodes/container-log';
import { ContainerRunner } from './nodes/container-runner';
import type { ProcessSpec } from './nodes/pod-process';
import { toProbes } from './nodes/probes';
import { StartGate } from './nodes/start-gate';

/** Longest start, in ms: several times what a busy machine takes. */
const READY_WITHIN_MS = 60_000;
/** Delay before the second restart in a row, in ms: whoever works with a cluster on his machine waits for it. */
const RESTART_DELAY_MS = 1_000;

/** A program beside an embedded cluster. */
export interface ProgramProcessProps {
  /** What messages call it. */
  readonly name: string;
  /** Program and arguments. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Folder to run in. */
  readonly folder: string;
  /** Address at which it says whether it is ready. */
  readonly address: string;
  /** Port of `/readyz` there. */
  readonly readyPort: number;
  readonly logPath: string;
  readonly clock: Clock;
}

/** A program beside an embedded cluster: a container like any other, but that it is started again sooner when it ends: at once, then after delays that double from a second. */
export class ProgramProcess {
  private readonly name: string;
  private readonly runner: ContainerRunner;
  private readonly clock: Clock;
  private readonly output: ContainerLog;
  private running: Promise<unknown> = Promise.resolve();
  private readonly readyListeners = new Set<() => void>();

  constructor({ name, argv, env, folder, address, readyPort, logPath, clock }: ProgramProcessProps) {
    const process: ProcessSpec = { argv: [...argv], cwd: folder, env };
    const container = { name, readinessProbe: { httpGet: { path: '/readyz', port: readyPort } } };
    this.name = name;
    this.clock = clock;
    this.output = new ContainerLog(logPath);
    this.runner = new ContainerRunner({
      container,
      process,
      probes: toProbes(container, address, process, 0),
      restartPolicy: 'Always',
      restartDelayMs: RESTART_DELAY_MS,
      clock,
      log: this.output,
      gate: new StartGate(1),
      onChange: () => this.readyListeners.forEach((listener) => listener()),
      warn: () => undefined, // only a startup probe has something to tell, and it has none
    });
  }

  /** Pid of the running program, or undefined while there is none. */
  get pid(): number | undefined {
    return this.runner.pid;
  }

  /**
   * Starts the program and waits until it is ready.
   *
   * @throws Error with the last lines of its log when it ends before that, or is not ready after a minute; the reason of the signal when
   *   that aborts
   */
  async start(signal?: AbortSignal): Promise<void> {
    this.running = this.runner.run();
    const settled = new AbortController();
    const waiting = signal === undefined ? settled.signal : AbortSignal.any([settled.signal, signal]);
    const tooLate = this.clock.sleep(READY_WITHIN_MS, waiting).then(() => {
      signal?.throwIfAborted();
      throw this.notReady(`nothing within ${String(READY_WITHIN_MS / 1000)} s`);
    });
    try {
      await Promise.race([this.untilReady(), tooLate]);
    } finally {
      settled.abort();
    }
  }

  /** Stops the program: TERM, and KILL after the grace time. */
  async stop(graceMs: number): Promise<void> {
    await this.runner.stop(graceMs);
    await this.running;
    this.output.close();
  }

  private untilReady(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const look = () => {
        const { ready, state } = this.runner.observe();
        const exitCode = 'terminated' in state ? state.terminated.exitCode : undefined;
        if (!ready && exitCode === undefined) return;
        this.readyListeners.delete(look);
        if (ready) resolve();
        else reject(this.notReady(`exit code ${String(exitCode)}`));
      };
      this.readyListeners.add(look);
      look();
    });
  }

  private notReady(got: string): Error {
    const lastLines = this.output.read().toString().trimEnd().split('\n').slice(-3).join(' | ');
    return new Error(`${this.name}: expected it to become ready, got ${got}: ${lastLines}`);
  }
}
