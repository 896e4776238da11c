import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, readSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { identifyProcess, isAlive, type ProcessIdentity } from './process';
import { GATE_FD, OUTPUT_FIFOS, RecordFile, type RunOrder } from './runner-protocol';

/** How to start a runner: the program itself in another mode. */
export interface RunnerProgram {
  /** Argument vector without the directory. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A runner that waits for its order, in a directory that no task has yet. */
export class WaitingRunner {
  private constructor(
    readonly directory: string,
    readonly identity: ProcessIdentity,
    private readonly child: ChildProcess,
    private readonly gate: Socket,
    private readonly eventsFd: number,
    private readonly ready: Promise<boolean>,
  ) {}

  /**
   * Makes the directory and its FIFOs and starts a runner there.
   *
   * @throws an error of the system when there is no room for a directory or a process
   */
  static async start(program: RunnerProgram, dataDir: string): Promise<WaitingRunner> {
    const directory = join(dataDir, `.new-${randomBytes(8).toString('hex')}`);
    mkdirSync(directory, { mode: 0o700 });
    try {
      // Node cannot make a pipe that programs can reopen as /dev/stdout: its own are sockets.
      await promisify(execFile)('mkfifo', ['-m', '600', ...[RecordFile.events, ...Object.values(OUTPUT_FIFOS)].map((name) => join(directory, name))]);
      return WaitingRunner.spawnIn(directory, program);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  private static spawnIn(directory: string, { argv: [file = '', ...args], env }: RunnerProgram): WaitingRunner {
    const eventsFd = openEvents(directory); // before there is a process that nobody would end if this failed
    const child = spawn(file, args, { cwd: directory, env, detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    child.on('error', () => undefined);
    const gate = child.stdio[GATE_FD];
    const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
    if (identity === undefined || !(gate instanceof Socket)) {
      closeSync(eventsFd);
      throw new Error(`expected a runner process, got none from '${file}'`);
    }
    const ready = new Promise<boolean>((resolve) => {
      gate.once('data', () => resolve(true));
      gate.once('close', () => resolve(false));
      gate.on('error', () => gate.destroy());
    });
    return new WaitingRunner(directory, identity, child, gate, eventsFd, ready);
  }

  /** Whether it can still take an order. */
  get isUsable(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && !this.gate.destroyed;
  }

  /**
   * Lets the runner start its task. The record with `identity` must be on disk by then.
   *
   * `listener` hears of everything from here on, also when the runner dies before it can take the order.
   */
  async release(order: RunOrder, listener: RunnerListener): Promise<void> {
    if (!(await this.ready)) {
      closeSync(this.eventsFd);
      listener.onEnd();
      return;
    }
    listen(this.eventsFd, listener);
    this.gate.end(`${JSON.stringify(order)}\n`);
  }

  /** Lets the runner end without having run anything, and deletes its directory. */
  async discard(): Promise<void> {
    this.gate.destroy();
    closeSync(this.eventsFd);
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** What a server hears from a runner. */
export interface RunnerListener {
  /** Files of the task may be new. */
  onEvent(): void;
  /** The runner has ended; no file of the task changes any more. */
  onEnd(): void;
}

/** Pause between two looks at a runner that an earlier server has started and that has not begun to write yet, in ms. */
const LOOK_FOR_WRITER_EVERY_MS = 50;

/** Listens to a runner that an earlier server started; `onEnd` comes at once when it is gone. */
export function listenToRunner(identity: ProcessIdentity, directory: string, listener: RunnerListener): void {
  const eventsFd = openEvents(directory);
  const begin = () => {
    // The end of a FIFO is heard only when it has had a writer: a runner that dies before that is seen to be gone.
    if (hasWriter(eventsFd)) {
      listen(eventsFd, listener);
      listener.onEvent(); // the look may have taken one
    } else if (isAlive(identity)) {
      setTimeout(begin, LOOK_FOR_WRITER_EVERY_MS);
    } else {
      closeSync(eventsFd);
      listener.onEnd();
    }
  };
  begin();
}

/** Whether somebody has the writing end of a FIFO open. */
function hasWriter(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1)) > 0;
  } catch {
    return true; // EAGAIN: empty, and a writer may come with more
  }
}

/** The FIFO's reading end; the runner has the only writing end, so that the runner's end is its end. */
const openEvents = (directory: string): number => openSync(join(directory, RecordFile.events), constants.O_RDONLY | constants.O_NONBLOCK);

function listen(eventsFd: number, listener: RunnerListener): void {
  const socket = new Socket({ fd: eventsFd, readable: true, writable: false });
  socket.on('data', () => listener.onEvent());
  socket.on('error', () => socket.destroy());
  socket.on('close', () => listener.onEnd());
}

/** Runners started ahead of their tasks, since the start of a runner is most of the start of a task. */
export class RunnerPool {
  private readonly spares: Promise<WaitingRunner | undefined>[] = [];
  private isClosed = false;

  /** @param spareCount runners kept waiting */
  constructor(
    private readonly program: RunnerProgram,
    private readonly dataDir: string,
    private readonly spareCount: number,
  ) {}

  /**
   * A runner that nobody else has.
   *
   * @throws an error of the system when none can be started
   */
  async take(): Promise<WaitingRunner> {
    const spare = await this.spares.shift();
    if (spare?.isUsable === true) {
      return spare;
    }
    await spare?.discard();
    return WaitingRunner.start(this.program, this.dataDir);
  }

  /** Starts the missing spares; call it when no task waits for the processor. A spare that cannot be started is not missed. */
  refill(): void {
    while (!this.isClosed && this.spares.length < this.spareCount) {
      this.spares.push(WaitingRunner.start(this.program, this.dataDir).catch(() => undefined));
    }
  }

  /** Ends the spares. */
  async close(): Promise<void> {
    this.isClosed = true;
    for (const spare of this.spares.splice(0)) {
      await (await spare)?.discard();
    }
  }
}
