import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterPrograms } from './cluster-programs';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cluster-programs-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a program that ends says so, with the end of its log', async () => {
  const programs = new ClusterPrograms(folder, 'one');
  programs.start('part', ['sh', '-c', 'echo no luck; exit 3']);
  await expect(programs.failed).rejects.toThrow('part: expected it to run, got exit code 3:\nno luck');
});

test('nothing starts any more once the end of the cluster has begun', async () => {
  const programs = new ClusterPrograms(folder, 'one');
  programs.expectEnd();
  expect(() => programs.start('late', ['sh', '-c', 'touch ran'])).toThrow("late: expected no start after the end of the cluster 'one'");
  await programs.ended();
  expect(existsSync(join(folder, 'late.log'))).toBe(false);
});
