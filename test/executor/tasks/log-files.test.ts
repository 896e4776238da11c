import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { LogWriter, readLog } from '../../../executor/tasks/log-files';

let folder: string;
const before = process.cwd();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'executor-test-'));
  process.chdir(folder); // a runner writes into its working directory
});
afterEach(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

test('whatever is written in whatever pieces, the newest bytes are there under their positions and the bound holds (X23)', async () => {
  const maxBytes = 64;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 12 }), fc.integer({ min: 1, max: 40 }), async (sizes, limit) => {
      readdirSync('.').forEach((file) => rmSync(file));
      const writer = new LogWriter('stdout', maxBytes);
      const all = Buffer.from(Array.from({ length: sizes.reduce((sum, size) => sum + size, 0) }, (_, index) => index % 251));
      let at = 0;
      for (const size of sizes) writer.write(all.subarray(at, (at += size)));

      const pieces: Buffer[] = [];
      let first: number | undefined;
      for (let offset = 0; ; ) {
        const chunk = await readLog(folder, 'stdout', offset, limit);
        first ??= chunk.offset;
        if (chunk.bytes.length === 0) break;
        pieces.push(chunk.bytes);
        offset = chunk.offset + chunk.bytes.length;
      }
      const kept = Buffer.concat(pieces);
      expect(kept).toEqual(all.subarray(first));
      expect(kept.length).toBeLessThanOrEqual(maxBytes);
      // All but the oldest eighth is kept.
      expect(kept.length).toBeGreaterThanOrEqual(Math.min(all.length, maxBytes - maxBytes / 8));
    }),
    { numRuns: 60 },
  );
});

test('streams do not mix (X23)', async () => {
  new LogWriter('stdout', 64).write(Buffer.from('out'));
  new LogWriter('stderr', 64).write(Buffer.from('err'));
  expect((await readLog(folder, 'stderr', 0, 64)).bytes.toString()).toBe('err');
});

test('a position behind the end has nothing yet, and stays what it is (X23)', async () => {
  new LogWriter('stdout', 64).write(Buffer.from('abc'));
  expect(await readLog(folder, 'stdout', 10, 64)).toEqual({ offset: 10, bytes: Buffer.alloc(0), isEnd: true });
});

test('output that cannot be written does not stop the writer, counts in its positions, and is told (X13, X23)', async () => {
  const writer = new LogWriter('stdout', 64);
  writer.write(Buffer.from('abc'));
  const away = `${folder}-away`;
  // What has no name has no room for a file either.
  rmSync(folder, { recursive: true, force: true });
  writer.write(Buffer.from('defghijklm'));
  expect(writer.lost).toMatch(/^stdout is cut at byte 8: .*ENOENT/);

  mkdirSync(away);
  process.chdir(away);
  try {
    writer.write(Buffer.from('nop'));
    expect(await readLog(away, 'stdout', 0, 64)).toEqual({ offset: 13, bytes: Buffer.from('nop'), isEnd: true });
  } finally {
    process.chdir(before);
    rmSync(away, { recursive: true });
  }
});

test('a reader comes to a gap, then behind it, and is not told of the end before (X23)', async () => {
  writeFileSync('stdout.0.log', 'abc');
  writeFileSync('stdout.13.log', 'nop');
  const [atStart, atGap, inGap, behind] = await Promise.all([0, 3, 7, 13].map((offset) => readLog(folder, 'stdout', offset, 64)));
  expect(atStart).toEqual({ offset: 0, bytes: Buffer.from('abc'), isEnd: false });
  expect([atGap, inGap, behind]).toEqual([1, 2, 3].map(() => ({ offset: 13, bytes: Buffer.from('nop'), isEnd: true })));
  expect(await readLog(folder, 'stdout', 0, 2)).toEqual({ offset: 0, bytes: Buffer.from('ab'), isEnd: false });
  expect(await readLog(folder, 'stdout', 3, 0)).toEqual({ offset: 3, bytes: Buffer.alloc(0), isEnd: false });
});
