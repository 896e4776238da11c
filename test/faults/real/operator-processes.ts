import type { ChildProcess } from 'node:child_process';
import { lastLogLines, spawnOperator } from '../../support/spawn-logged';
import type { Random } from '../random';
import type { Victim } from '../stage';

export interface OperatorProcessesOptions {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** File that all of them write their log to. */
  readonly logPath: string;
  readonly random: Random;
  /** Operators that run at once; with more than one, the flags must have them compete for the lease. */
  readonly replicas: number;
  /** Told of an operator that has ended although nobody told it to. */
  readonly onFailure: (message: string) => void;
}

/** Time until an operator that has ended is started again, in ms: its kubelet does that. */
const RESTART_MS = { least: 50, most: 1_500 };
/** An operator that was told to stop is killed after this time, in ms. */
const LONGEST_STOP_MS = 10_000;

/** Lines of the log that are shown. */
const SHOWN_LINES = 40;

/** Keeps operators running as processes of this machine, and ends them when a history says so. */
export class OperatorProcesses {
  private readonly running: (OperatorProcess | undefined)[];
  private readonly ends: Promise<void>[] = [];
  private isOver = false;
  private readonly starts = new Set<NodeJS.Timeout>();
  /** Operators that were started. */
  startCount = 0;

  constructor(private readonly options: OperatorProcessesOptions) {
    this.running = Array.from({ length: options.replicas }, () => undefined);
  }

  /** Starts every operator that does not run. */
  start(): void {
    for (const [place, running] of this.running.entries()) {
      if (running !== undefined || this.isOver) continue;
      const operator = new OperatorProcess(this.options);
      this.startCount += 1;
      this.running[place] = operator;
      this.ends.push(operator.ended.then(() => this.replace(place, operator)));
    }
  }

  at(share: number): Victim | undefined {
    return this.running[Math.floor(share * this.running.length)];
  }

  /** Lets those run on that are stopped, and starts those that have ended. */
  calm(): void {
    for (const operator of this.running) operator?.thaw();
    this.start();
  }

  /** Kills all for good. */
  async end(): Promise<void> {
    this.isOver = true;
    this.starts.forEach(clearTimeout);
    for (const operator of this.running) operator?.kill();
    await Promise.all(this.ends);
  }

  /** The last lines that all of them have logged. */
  lastLines(): readonly string[] {
    return lastLogLines(this.options.logPath, SHOWN_LINES);
  }

  private replace(place: number, operator: OperatorProcess): void {
    this.running[place] = undefined;
    const { onFailure, random } = this.options;
    if (!operator.wasTold) onFailure(`the operator has ended by itself, exit code ${operator.exitCode}: ${this.lastLines().slice(-5).join('\n')}`);
    if (!this.isOver) this.starts.add(setTimeout(() => this.start(), random.between(RESTART_MS.least, RESTART_MS.most)));
  }
}

/** One process. */
class OperatorProcess implements Victim {
  readonly ended: Promise<unknown>;
  /** Whether it was killed, or told to stop. */
  wasTold = false;
  private readonly child: ChildProcess;
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor({ flags, env, logPath }: Pick<OperatorProcessesOptions, 'flags' | 'env' | 'logPath'>) {
    const { child, ended } = spawnOperator(flags, { env, logPath });
    this.child = child;
    this.ended = ended.then(() => this.timers.forEach(clearTimeout));
  }

  kill(): void {
    this.wasTold = true;
    this.child.kill('SIGKILL');
  }

  stop(): void {
    this.wasTold = true;
    this.child.kill('SIGTERM');
    this.later(LONGEST_STOP_MS, () => this.child.kill('SIGKILL'));
  }

  freeze(forMs: number): void {
    this.child.kill('SIGSTOP');
    this.later(forMs, () => this.thaw());
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  get exitCode(): string {
    return String(this.child.exitCode ?? this.child.signalCode);
  }

  private later(ms: number, callback: () => void): void {
    this.timers.add(setTimeout(callback, ms));
  }
}
