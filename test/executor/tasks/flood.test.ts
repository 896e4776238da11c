import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogHeader } from '../../../src/schema/executor-api';
import { ExecutorProcess, shell } from '../executor-process';

const MAX_BYTES = 1024 * 1024;
/** Bytes of each stream. */
const FLOOD_BYTES = 128 * 1024 * 1024;
/** Text at the end of each stream, in which every position can be told: lines of ten characters. */
const MARKED_BYTES = 2_000_000;
/** Most memory of a server or runner at any time, in bytes: less than the flood; it takes about 70 MB. */
const MEMORY_BOUND_BYTES = 200 * 1024 * 1024;

let executor: ExecutorProcess;
afterEach(() => executor.clean());

/** Most physical memory that a process ever had, in bytes. */
const peakOf = (pid: number): number => Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

const bytesOnDisk = (stream: string): number => {
  const folder = join(executor.dataDir, 't');
  const files = readdirSync(folder).filter((file) => file.startsWith(`${stream}.`));
  return files.reduce((sum, file) => sum + (statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0), 0); // dropped meanwhile
};

test('a quarter of a gigabyte through two streams stay within the bound on disk and in memory, under their positions, also when the server dies meanwhile (X23)', async () => {
  executor = await ExecutorProcess.start([`--task-log-max-bytes=${MAX_BYTES}`]);
  const flood = (line: string) => `head -c ${FLOOD_BYTES} /dev/zero; seq -f '${line}%08.0f' 0 ${MARKED_BYTES / 10 - 1}`;
  await executor.set(shell('t', `(${flood('a')}) & (${flood('b')}) >&2; wait; until [ -e go ]; do sleep 0.02; done`));
  await executor.running();
  const runner = executor.pidOf('t', 'runner');
  executor = await executor.restart('SIGKILL', [`--task-log-max-bytes=${MAX_BYTES}`]);

  const total = FLOOD_BYTES + MARKED_BYTES;
  for (const [stream, mark] of [['stdout', 'a'], ['stderr', 'b']] as const) {
    let offset = 0;
    let last = '';
    let dropped = 0;
    while (offset < total) {
      const { status, headers, body } = await executor.log('t', `&stream=${stream}&offset=${offset}&limit=100000`);
      const from = Number(headers.get(LogHeader.offset));
      expect({ status, isBehind: from >= offset }).toEqual({ status: 200, isBehind: true });
      dropped += from - offset;
      offset = Number(headers.get(LogHeader.nextOffset));
      expect(offset).toBe(from + body.length);
      last = from >= FLOOD_BYTES ? body : last;
      // Each line says where it is.
      const at = FLOOD_BYTES + Math.ceil(Math.max(0, from - FLOOD_BYTES) / 10) * 10;
      if (offset >= at + 10) expect(body.slice(at - from, at - from + 9)).toBe(`${mark}${String((at - FLOOD_BYTES) / 10).padStart(8, '0')}`);
      expect(bytesOnDisk(stream)).toBeLessThanOrEqual(MAX_BYTES);
    }
    expect(offset).toBe(total);
    expect(dropped).toBeGreaterThan(0);
    expect(last.slice(-10)).toBe(`${mark}${String(MARKED_BYTES / 10 - 1).padStart(8, '0')}\n`);
  }
  expect(Math.max(peakOf(executor.pid), peakOf(runner))).toBeLessThan(MEMORY_BOUND_BYTES);
  writeFileSync(join(executor.home, 'go'), '');
  expect(await executor.ended()).toMatchObject({ exitCode: 0, reason: 'Succeeded' });
});
