import { closeSync, fchownSync, readSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { EnvVar } from '../../../src/schema/names';
import { exitCodeOf } from '../commands/command';
import { OutputLog } from '../commands/output-log';
import { endTree } from '../../tasks/end-processes';
import { readStatFields } from '../../tasks/proc';
import { identifyProcess, isAlive, type ProcessIdentity, signalPid } from '../../tasks/process';
import { codeOf } from '../../tasks/task-process';
import { Refusal } from '../refusal';
import type { CommandOrder, OpenSandbox } from '../sandbox';
import { Latest } from './latest';
import { openPty, resizePty, type TerminalSize } from './pty-device';

/** Output that is kept for who comes later, in bytes. */
const REPLAY_BYTES = 1024 * 1024;
/** Bytes of input that may wait; above it its sender has to. */
const MOST_INPUT_BYTES = 1024 * 1024;
/** Most that is read of a terminal whose program has ended. */
const MOST_LAST_BYTES = 1024 * 1024;
/** Time between SIGTERM and SIGKILL, in ms. */
const GRACE_MS = 3_000;

/** Who sees a terminal. */
export interface TerminalViewer {
  /** Takes output, which is only there during the call; answers whether it takes more at once, else {@link Terminal.resume} has to be called. */
  show(piece: Buffer): boolean;
  exited(exitCode: number): void;
}

/** A program on a pseudo-terminal of the sandbox, from its start to the end of all its processes. */
export class Terminal {
  viewer?: TerminalViewer;
  /** Whether there has been a viewer: it writes before the first has come. */
  hasBeenSeen = false;
  /** Exit code, once its first process has ended; 128 and the number of the signal for one that a signal has ended. */
  exitCode?: number;
  private outputLength = 0;
  /** Each is a start of a program. */
  private readonly sizes = new Latest<TerminalSize>(async (size) => {
    if (!this.master.destroyed) await resizePty(this.masterFd, size);
  });

  private constructor(
    private readonly taskId: string,
    private readonly leader: ProcessIdentity | undefined,
    private readonly exited: Promise<number>,
    private readonly masterFd: number,
    private readonly master: ReadStream,
    readonly log: OutputLog,
  ) {
    master.on('data', (piece: Buffer) => this.take(piece));
    master.on('error', () => master.destroy()); // EIO: nobody holds the other end any more
    void this.exited.then((exitCode) => this.finish(exitCode));
  }

  /**
   * Starts a program on a new terminal, and returns when it runs. Closes `opened`.
   *
   * @param argvs argument vectors, of which the first runs whose program there is
   * @throws Refusal when there is no terminal, or the program cannot be started; the error of the system
   */
  static async start(open: () => OpenSandbox, order: Omit<CommandOrder, 'argv'>, argvs: readonly (readonly string[])[], dataDir: string): Promise<Terminal> {
    const first = open();
    const { masterFd, slaveFd } = await openPty(first).finally(() => first.close());
    const end = { writeFd: slaveFd, giveTo: (uid: number) => fchownSync(slaveFd, uid, -1) };
    try {
      for (const argv of argvs) {
        const env = { TERM: 'xterm-256color', ...order.env, [EnvVar.taskId]: order.taskId };
        const spawned = open().spawn({ ...order, env, argv, terminalFd: slaveFd }, [end, end]);
        const leader = spawned.child && identifyProcess(spawned.pid);
        const exited = spawned.child && exitCodeOf(spawned.child); // at once: a short program ends before anybody knows that it runs
        const failure = await spawned.failure;
        if (exited !== undefined && failure === undefined) {
          return new Terminal(order.taskId, leader, exited, masterFd, new ReadStream(masterFd), new OutputLog(dataDir, REPLAY_BYTES));
        }
        if (failure !== undefined && (failure.subject !== 'command' || argv === argvs.at(-1))) {
          throw new Refusal(500, 'RUNTIME_ERROR', failure.message);
        }
        await exited; // until then the terminal is that of its session, and nobody else's
      }
      throw new Refusal(500, 'RUNTIME_ERROR', 'terminal: expected a program, got none');
    } catch (error) {
      closeSync(masterFd);
      throw error;
    } finally {
      closeSync(slaveFd);
    }
  }

  /** Bytes that it has written so far. */
  get outputOffset(): number {
    return this.outputLength;
  }

  /** Sends input; answers whether it takes more at once. */
  write(bytes: Buffer): boolean {
    return this.master.destroyed || (this.master.write(bytes), this.master.writableLength < MOST_INPUT_BYTES);
  }

  /** Calls back when it takes more input. */
  onceWritable(callback: () => void): void {
    this.master.once('drain', callback);
  }

  /** Reads on after its viewer has had enough. */
  resume(): void {
    this.master.resume();
  }

  /** Tells the programs on it how large it is by now; of many sizes that come at once, the last. */
  resize(size: TerminalSize): void {
    this.sizes.set(size);
  }

  /** Signals the group of processes that is in the foreground. */
  signal(name: NodeJS.Signals): void {
    if (this.leader !== undefined && isAlive(this.leader)) {
      const foreground = Number(readStatFields(this.leader.pid)?.[5]);
      signalPid(foreground > 1 ? -foreground : -this.leader.pid, name);
    }
  }

  /** Ends all its processes: SIGTERM, a grace, SIGKILL. Resolves when they are gone. */
  async stop(): Promise<void> {
    this.viewer = undefined;
    await endTree({ taskId: this.taskId, leader: this.leader }, GRACE_MS, this.exited);
    await this.exited;
    this.master.destroy();
    this.log.close();
  }

  private take(piece: Buffer): void {
    this.log.write(piece);
    this.outputLength += piece.length;
    if (this.viewer?.show(piece) === false) {
      this.master.pause();
    }
  }

  private finish(exitCode: number): void {
    this.exitCode = exitCode;
    const piece = Buffer.alloc(65_536);
    try {
      for (let taken = 0, length = -1; length !== 0 && taken < MOST_LAST_BYTES && !this.master.destroyed; taken += length) {
        length = readSync(this.masterFd, piece);
        this.take(Buffer.from(piece.subarray(0, length)));
      }
    } catch (error) {
      if (codeOf(error) === 'EIO') this.master.destroy(); // else empty, but somebody who was left behind still holds it
    }
    this.viewer?.exited(exitCode);
  }
}
