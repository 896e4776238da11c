import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClusterFolder, removeCluster, sweepDeadClusters } from '../../local/cluster-folder';
import { CLUSTER_MARKER, findMarked, readStartTime } from '../../local/nodes/marked-processes';

let parent: string;
let root: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'cluster-folder-'));
  root = join(parent, 'clusters');
});
afterEach(() => rmSync(parent, { recursive: true }));

const startMarked = (id: string) => spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', env: { PATH: process.env.PATH, [CLUSTER_MARKER]: id } });

/** A folder whose owner has been killed, and a process that it left. */
async function leaveBehind() {
  const owner = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(owner, 'spawn');
  const mine = await createClusterFolder(root);
  const id = mine.id.replace(/^\d+-\d+/, `${String(owner.pid)}-${readStartTime(owner.pid ?? 0) ?? ''}`);
  mkdirSync(join(root, id));
  const left = startMarked(id);
  await once(left, 'spawn');
  return { owner, mine, id, left };
}

test('a sweep leaves clusters whose owner lives, and removes processes and folder of one whose owner was killed', async () => {
  const { owner, mine, id, left } = await leaveBehind();
  await expect(sweepDeadClusters(root)).resolves.toEqual([]);
  const ended = once(left, 'exit');
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  await expect(sweepDeadClusters(root)).resolves.toEqual([id]);
  await ended;
  expect(readdirSync(root)).toEqual([mine.id]);
});

test('a sweep takes a process that got the pid of a dead owner for another one', async () => {
  const { id } = await createClusterFolder(root);
  const reused = id.replace(/^(\d+)-\d+/, '$1-1');
  mkdirSync(join(root, reused));
  await expect(sweepDeadClusters(root)).resolves.toEqual([reused]);
});

test('a sweep leaves folders that are not named like a cluster', async () => {
  await createClusterFolder(root);
  mkdirSync(join(root, 'notes'));
  await sweepDeadClusters(root);
  expect(readdirSync(root)).toContain('notes');
});

test('removal ends the processes of this cluster only, and removes the root with the last one', async () => {
  const [one, two] = [await createClusterFolder(root), await createClusterFolder(root)];
  const processes = [one, two].map(({ id }) => startMarked(id));
  await Promise.all(processes.map((child) => once(child, 'spawn')));
  const ofTwo = () => findMarked(CLUSTER_MARKER, (id) => id === two.id);
  await removeCluster(root, one.id);
  expect({ folders: readdirSync(root), processes: ofTwo() }).toMatchObject({ folders: [two.id], processes: [{ pid: processes[1]?.pid }] });
  await removeCluster(root, two.id);
  expect({ root: existsSync(root), processes: ofTwo() }).toEqual({ root: false, processes: [] });
});

test('refuses a root into which others may write', async () => {
  mkdirSync(root);
  chmodSync(root, 0o777);
  await expect(createClusterFolder(root)).rejects.toThrow(`state folder: expected '${root}' to be a directory of user`);
});
