import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { within } from '../within';

/** Says a line when it begins, and ends with the next line that it reads. */
const SCRIPT = 'echo >"$0"; read line <"$1"';

/** Tells when tasks run, and ends them: each writes a line into one FIFO when its process begins, and reads one from another to end. */
export class TaskGate {
  /** What a task is to run. */
  readonly command: readonly string[];
  private startedCount = 0;
  private waiter: { readonly count: number; readonly resolve: (atMs: number) => void } | undefined;

  private constructor(
    started: string,
    end: string,
    private readonly socket: Socket,
    private readonly endFd: number,
  ) {
    this.command = ['sh', '-c', SCRIPT, started, end];
    socket.on('data', (lines) => this.note(lines.length));
  }

  /** @param folder of its own */
  static async open(folder: string): Promise<TaskGate> {
    await mkdir(folder, { recursive: true });
    const [started, end] = [join(folder, 'started'), join(folder, 'end')];
    await promisify(execFile)('mkfifo', [started, end]);
    // For reading and writing, so that neither side waits for another to open it, and neither ends.
    const socket = new Socket({ fd: openSync(started, constants.O_RDWR | constants.O_NONBLOCK), readable: true, writable: false });
    return new TaskGate(started, end, socket, openSync(end, constants.O_RDWR));
  }

  /** When so many tasks run, by `performance.now()`; to be called before they start, once for each round. */
  untilRunning(count: number): Promise<number> {
    this.startedCount = 0;
    const running = new Promise<number>((resolve) => (this.waiter = { count, resolve }));
    return within(running, `${count} tasks running`);
  }

  /** Lets so many tasks end. */
  release(count: number): void {
    writeSync(this.endFd, '\n'.repeat(count));
  }

  close(): void {
    this.socket.destroy();
    closeSync(this.endFd);
  }

  private note(lines: number): void {
    this.startedCount += lines;
    if (this.waiter !== undefined && this.startedCount >= this.waiter.count) this.waiter.resolve(performance.now());
  }
}
