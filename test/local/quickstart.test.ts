import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runSandboxes } from '../support/sandboxes';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'quickstart-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const quickstart = (...args: string[]) => runSandboxes(['quickstart', '--output', join(folder, 'dist'), ...args]);

test('delivers a small fleet, runs its tasks, and finds their merged counts equal to those of one process', async () => {
  const input = join(folder, 'input.txt');
  writeFileSync(input, 'One fish two fish\nred fish, BLUE fish\nno newline at the end of a fish');
  const result = await quickstart('--json', '--replicas', '5', '--input', input);
  expect({ ...result, stdout: JSON.parse(result.stdout) as unknown }).toMatchObject({
    code: 0,
    stderr: '',
    stdout: {
      delivered: 5,
      batchWrites: 3,
      tasks: { succeeded: 5, failed: 0 },
      merged: true,
      replicas: 5,
      input: { files: 1, bytes: 69, words: 16, differentWords: 12 },
      topWords: expect.arrayContaining([{ word: 'fish', count: 5 }]) as unknown,
      deliverMs: expect.any(Number) as number,
      poolReadyMs: expect.any(Number) as number,
      wallMs: expect.any(Number) as number,
    },
  });
  expect(readdirSync(join(folder, 'dist'))).toEqual(['quickstart.k8s.yaml']);
});

test('counts the documents of the package unless told otherwise, and shows its steps on standard error', async () => {
  const result = await quickstart('--replicas', '2');
  expect(result).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/delivered +2 of 2 sandboxes in .* ms.*merged +equal.*top words/s) as string,
    stderr: expect.stringMatching(/warm up a pool of 2.*deliver a batch of 2.*run 2 tasks/s) as string,
  });
  expect(readdirSync(join(folder, 'dist')).sort()).toEqual(['input.txt', 'quickstart.k8s.yaml']);
});
