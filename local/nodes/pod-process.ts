import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { ContainerLog } from './container-log';

/** What a container runs. */
export interface ProcessSpec {
  /** Program and arguments; the program is looked up in the PATH of `env`. */
  readonly argv: readonly string[];
  /** Working directory, absolute. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface ProcessExit {
  /** Exit code; 128+n after signal n, as a shell reports it; 128 when it could not be started, as container runtimes report it. */
  readonly exitCode: number;
  /** Number of the signal that ended it. */
  readonly signal?: number;
  /** Why it could not be started. */
  readonly startError?: string;
}

const START_FAILURE_EXIT_CODE = 128;

/**
 * A container as a process group of its own. Its output goes to the log.
 *
 * When its first process ends, the rest of the group is killed, as the end of a container's first process ends the container.
 */
export class PodProcess {
  /** Settles when the first process has ended; never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Undefined when the program could not be started. */
  readonly pid: number | undefined;
  private hasExited = false;

  constructor(spec: ProcessSpec, log: ContainerLog) {
    try {
      const child = start(spec);
      child.stdout?.on('data', (chunk: Buffer) => log.append(chunk));
      child.stderr?.on('data', (chunk: Buffer) => log.append(chunk));
      this.pid = child.pid;
      this.exited = this.observeExit(child);
    } catch (error) {
      // Some failures, such as arguments that are too long, are thrown; others, such as a missing program, are an event of the child.
      this.exited = Promise.resolve(this.toStartFailure(error));
    }
  }

  /** Asks the whole group to end, and kills it when it has not ended after the grace time. */
  async stop(graceMs: number): Promise<ProcessExit> {
    this.signalGroup('SIGTERM');
    const killTimer = setTimeout(() => this.signalGroup('SIGKILL'), graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(killTimer);
    }
  }

  private async observeExit(child: ChildProcess): Promise<ProcessExit> {
    try {
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      this.killRest();
      return signal === null
        ? { exitCode: code ?? START_FAILURE_EXIT_CODE }
        : { exitCode: 128 + constants.signals[signal], signal: constants.signals[signal] };
    } catch (error) {
      return this.toStartFailure(error);
    }
  }

  private toStartFailure(error: unknown): ProcessExit {
    this.hasExited = true;
    return { exitCode: START_FAILURE_EXIT_CODE, startError: error instanceof Error ? error.message : String(error) };
  }

  private killRest(): void {
    this.signalGroup('SIGKILL');
    this.hasExited = true;
  }

  private signalGroup(signal: NodeJS.Signals): void {
    // A group's number is not reused while it has members, and after the exit of its leader it is signalled only once, at once.
    if (this.hasExited || this.pid === undefined) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // The group has ended between the check and the signal.
    }
  }
}

function start({ argv: [program = '', ...args], cwd, env }: ProcessSpec): ChildProcess {
  return spawn(program, args, { cwd, env: { ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
}
