import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchownSync, openSync, rmSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TEMPORARY } from '../../tasks/atomic-file';
import type { OutputEnd } from '../../tasks/task-process';

/** A pipe that nobody else has. Whoever takes it closes both ends. */
export interface Pipe extends OutputEnd {
  /** Does not block. */
  readonly readFd: number;
}

/** FIFOs made at a time: one start of a program for so many pipes. */
const BATCH = 64;
/** Where so few are left, the next are made. */
const FEW = 16;

/**
 * Pipes that programs can open again as /dev/stdout, which those that Node makes are not: they are sockets. They come from FIFOs made ahead, whose
 * names are gone once they are taken; the data directory loses the rest at the next start.
 */
export class PipeStock {
  private readonly paths: string[] = [];
  private making?: Promise<void>;

  /** @param directory of ours, that no sandbox sees */
  constructor(private readonly directory: string) {}

  /** Begins to make pipes where few are left, so that nobody has to wait for them. */
  fill(): void {
    if (this.paths.length >= FEW) return;
    this.making ??= this.make().finally(() => (this.making = undefined));
    this.making.catch(() => undefined); // whoever needs one of them is told
  }

  /**
   * @throws an error of the system, such as EMFILE or ENOSPC
   */
  async take(): Promise<Pipe> {
    for (;;) {
      const path = this.paths.pop();
      this.fill();
      if (path !== undefined) {
        return openPipe(path);
      }
      await this.making;
    }
  }

  /** Deletes those that nobody has taken and that are still there; who takes one then waits for new ones. */
  async clear(): Promise<void> {
    await this.making?.catch(() => undefined);
    this.paths.splice(0).forEach((path) => rmSync(path, { force: true }));
  }

  private async make(): Promise<void> {
    const prefix = join(this.directory, `.pipe-${randomBytes(6).toString('hex')}`);
    const paths = Array.from({ length: BATCH }, (_, index) => `${prefix}-${index}${TEMPORARY}`);
    await promisify(execFile)('mkfifo', ['-m', '600', ...paths]);
    this.paths.push(...paths);
  }
}

function openPipe(path: string): Pipe {
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const writeFd = openSync(path, constants.O_WRONLY);
    return { readFd, writeFd, giveTo: (uid, gid) => fchownSync(writeFd, uid, gid) };
  } catch (error) {
    closeSync(readFd);
    throw error;
  } finally {
    unlinkSync(path);
  }
}

/** A pipe that a program reads from. Whoever opens it closes both ends. */
export interface InputPipe {
  /** The end of the program; blocks. */
  readonly readFd: number;
  readonly writer: Socket;
}

/**
 * A pipe of the stock, turned round.
 *
 * @throws an error of the system, such as EMFILE or ENOSPC
 */
export async function openInput(stock: PipeStock): Promise<InputPipe> {
  const { readFd, writeFd } = await stock.take();
  try {
    // The end of the stock does not block, which a program does not expect: it gets an opening of its own.
    const blockingFd = openSync(`/proc/self/fd/${readFd}`, constants.O_RDONLY);
    const writer = new Socket({ fd: writeFd, readable: false, writable: true });
    writer.on('error', () => writer.destroy()); // nobody reads it any more, which the end of the program tells too
    return { readFd: blockingFd, writer };
  } catch (error) {
    closeSync(writeFd);
    throw error;
  } finally {
    closeSync(readFd);
  }
}
