import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Clock } from '../../../src/program/clock';
import { LONGEST_TIMER_MS } from '../../../src/program/clock';
import { endTree } from '../../tasks/end-processes';
import { identifyProcess, signalGroup, type TaskTree } from '../../tasks/process';
import type { StartFailure } from '../../tasks/task-process';
import type { CommandOrder, Sandbox } from '../sandbox';
import { PipeReader } from './pipe-reader';
import type { Pipe, PipeStock } from './pipes';

/** Time between SIGTERM and SIGKILL, in ms. */
const GRACE_MS = { interrupted: 3_000, timeout: 2_000 } as const;

/** Why a command was ended. */
type EndReason = keyof typeof GRACE_MS;

/** How a command ended. */
export interface CommandEnd {
  /** 128 and the number of the signal for one that a signal has ended; 126 or 127 for a program that cannot be started; never 0 after a time limit. */
  readonly exitCode: number;
  readonly isTimeout: boolean;
  /** Why the program could not be started; no part of it has run. */
  readonly startProblem?: string;
  readonly elapsedMs: number;
}

/** Where the output of a command goes. */
export interface CommandSink {
  /** Takes a piece of output, which is only there during the call; answers whether it takes more at once, else {@link Command.resume} has to be called. */
  take(stream: 'stdout' | 'stderr', piece: Buffer): boolean;
}

/** What a command is started with. */
export interface CommandStart {
  readonly sandbox: Sandbox;
  readonly pipes: PipeStock;
  readonly clock: Clock;
  /** Without a program. */
  readonly order: Omit<CommandOrder, 'argv'>;
  /** Argument vectors, of which the first runs whose program there is. */
  readonly argvs: readonly (readonly string[])[];
  /** Limit on its time in ms; 0 is none. */
  readonly timeoutMs: number;
  readonly sink: CommandSink;
  /** Takes what comes by a third pipe, which the command has at MORE_FD; absent means that it has none. */
  readonly takeMore?: (piece: Buffer) => void;
  /** Called with the program when it runs, before any of its output is taken. */
  readonly onRunning: (program: string) => void;
}

/** A command that could not be started; the caller can tell one of a directory that is none. */
export class StartError extends Error {
  constructor(readonly failure: StartFailure) {
    super(failure.message);
  }
}

/** A process group with a session of its own, from its start to the end of its first process. */
export class Command {
  /** Resolves when its first process has ended and all that was written before has been taken; after an end that was asked for, when all its processes are gone. */
  readonly ended: Promise<CommandEnd>;
  /** Resolves when no process holds its output any more. */
  readonly closed: Promise<unknown>;
  private readonly exited: Promise<number>;
  private readonly startedAtMs: number;
  private readonly cancelLimit: () => void;
  private reason?: EndReason;
  private stopping?: Promise<unknown>;

  private constructor(
    child: ChildProcess,
    private readonly tree: TaskTree,
    private readonly readers: readonly PipeReader[],
    exited: Promise<number>,
    { clock, timeoutMs }: CommandStart,
  ) {
    this.startedAtMs = clock.monotonicMs();
    this.exited = exited;
    this.closed = Promise.all(readers.map((reader) => reader.closed));
    this.cancelLimit = timeoutMs === 0 ? () => {} : setLimit(clock, timeoutMs, () => void this.stop('timeout'));
    this.ended = this.waitForEnd(clock);
    child.on('error', () => undefined); // a signal that could not be sent is none of ours
  }

  /**
   * Starts a command; returns when its program runs.
   *
   * @throws StartError when no program of it can be started; an error of the system, such as EMFILE; Refusal of status 503 while there is no sandbox
   */
  static async start(start: CommandStart): Promise<Command> {
    const { sandbox, pipes, order, argvs, sink, takeMore, onRunning } = start;
    const taken: Pipe[] = [];
    try {
      for (const _stream of ['stdout', 'stderr', ...(takeMore === undefined ? [] : ['more'])]) taken.push(await pipes.take());
      const [stdout, stderr, more] = taken as [Pipe, Pipe, Pipe | undefined];
      for (const [index, argv] of argvs.entries()) {
        const spawned = sandbox.open().spawn({ ...order, argv }, [stdout, stderr], more);
        // Before the next turn of the event loop the child cannot have been reaped, so its entry in /proc is there.
        const leader = spawned.child && identifyProcess(spawned.pid);
        const exited = spawned.child && exitCodeOf(spawned.child);
        const failure = await spawned.failure;
        if (spawned.child !== undefined && exited !== undefined && failure === undefined) {
          taken.splice(0).forEach(({ writeFd }) => closeSync(writeFd));
          onRunning(argv[0] ?? '');
          const readers = [new PipeReader(stdout.readFd, (piece) => sink.take('stdout', piece)), new PipeReader(stderr.readFd, (piece) => sink.take('stderr', piece))];
          if (more !== undefined && takeMore !== undefined) {
            readers.push(new PipeReader(more.readFd, (piece) => takeMore(piece) === undefined));
          }
          return new Command(spawned.child, { taskId: order.taskId, leader }, readers, exited, start);
        }
        const isMissing = failure?.subject === 'command' && failure.exitCode === 127;
        if (failure !== undefined && !(isMissing && index < argvs.length - 1)) {
          throw new StartError(failure);
        }
      }
      throw new Error('command: expected a program, got none');
    } finally {
      taken.forEach(({ readFd, writeFd }) => [readFd, writeFd].forEach((fd) => closeSync(fd)));
    }
  }

  /** Reads its output on after the sink has had enough. */
  resume(): void {
    this.readers.forEach((reader) => reader.resume());
  }

  /** Takes what it has written to standard output and error so far, whether the sink has room for it or not. */
  drain(): void {
    this.readers.slice(0, 2).forEach((reader) => reader.drain());
  }

  /** Sends SIGINT to its process group, as a terminal does; what comes of that is its own business. */
  interrupt(): void {
    if (this.tree.leader !== undefined) signalGroup(this.tree.leader, 'SIGINT');
  }

  /** Ends all its processes, wherever they went: SIGTERM, a grace, SIGKILL. Resolves when they are gone. What ended before is left alone. */
  async stop(reason: EndReason = 'interrupted'): Promise<void> {
    this.reason ??= reason;
    this.stopping ??= endTree(this.tree, GRACE_MS[this.reason], this.exited);
    await this.ended;
  }

  /** Reads nothing more of what it left behind. */
  abandon(): void {
    this.readers.forEach((reader) => reader.close());
  }

  private async waitForEnd(clock: Clock): Promise<CommandEnd> {
    const exitCode = await this.exited;
    this.cancelLimit();
    const elapsedMs = clock.monotonicMs() - this.startedAtMs;
    const isTimeout = this.reason === 'timeout';
    await this.stopping;
    this.stopping ??= Promise.resolve(); // whoever is left goes on
    this.readers.forEach((reader) => reader.finish());
    return { exitCode: isTimeout && exitCode === 0 ? 128 + constants.signals.SIGTERM : exitCode, isTimeout, elapsedMs };
  }
}

/** Exit code of a child; 128 and the number of the signal for one that a signal has ended. To be asked for when it is started. */
export const exitCodeOf = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 255) : 128 + constants.signals[signal])));

/** Calls back after `ms`, of any length. */
function setLimit(clock: Clock, ms: number, callback: () => void): () => void {
  const endAtMs = clock.monotonicMs() + ms;
  let cancel = () => {};
  const arm = () => {
    const leftMs = Math.max(0, endAtMs - clock.monotonicMs());
    cancel = clock.setTimer(Math.min(leftMs, LONGEST_TIMER_MS), leftMs > LONGEST_TIMER_MS ? arm : callback);
  };
  arm();
  return () => cancel();
}
