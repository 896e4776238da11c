import { closeSync, constants, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PipeReader } from '../../../executor/execd/commands/pipe-reader';
import { type Pipe, PipeStock } from '../../../executor/execd/commands/pipes';
import { until } from '../../support/waiting';

let directory: string;
let stock: PipeStock;
let pipe: Pipe;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'execd-test-'));
  stock = new PipeStock(directory);
  pipe = await stock.take();
});
afterEach(async () => {
  await stock.clear();
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true, force: true });
});

/** Writes until the pipe is full, and returns how much that was. */
function fill(fd: number): number {
  for (let written = 0; ; ) {
    try {
      written += writeSync(fd, Buffer.alloc(4096));
    } catch {
      return written;
    }
  }
}

test('a pipe whose bytes are not wanted fills up, so that its writer waits (E3)', async () => {
  const fd = openSync(`/proc/self/fd/${pipe.writeFd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  closeSync(pipe.writeFd);
  const taken: number[] = [];
  let wantsMore = false;
  const reader = new PipeReader(pipe.readFd, (piece) => {
    taken.push(piece.length);
    return wantsMore;
  });
  const full = fill(fd);
  await until(() => expect(taken).toHaveLength(1));
  const again = fill(fd);
  expect(again).toBe(taken[0]);
  await nextTurn();
  await nextTurn();
  expect([fill(fd), taken.length]).toEqual([0, 1]);
  wantsMore = true;
  reader.resume();
  closeSync(fd);
  await reader.closed;
  expect(taken.reduce((sum, length) => sum + length, 0)).toBe(full + again);
});

test('after the end of a command what is in the pipe is taken, and what comes later is thrown away (E4)', async () => {
  const taken: string[] = [];
  const reader = new PipeReader(pipe.readFd, (piece) => taken.push(piece.toString()) < 0);
  writeSync(pipe.writeFd, 'a');
  await until(() => expect(taken).toEqual(['a']));
  writeSync(pipe.writeFd, 'b'); // not read: the first was the last for now
  reader.finish();
  expect(taken).toEqual(['a', 'b']);
  writeSync(pipe.writeFd, 'c');
  closeSync(pipe.writeFd);
  await reader.closed;
  expect(taken).toEqual(['a', 'b']);
});

test('where names of pipes are gone already, the others are deleted all the same', async () => {
  for (const fd of [pipe.readFd, pipe.writeFd]) closeSync(fd);
  const [gone = ''] = readdirSync(directory);
  rmSync(join(directory, gone));
  await stock.clear();
  expect([gone === '', readdirSync(directory)]).toEqual([false, []]);
});
