import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages } from '../../../images/debian-packages';
import { createClusterFolder } from '../../../local/cluster-folder';
import { linkName } from './network';
import { NODE_PACKAGES } from './node';
import { runOk } from '../../support/run-ok';
import { sweepDeadNodes } from './sweep';

/** Longest installation of packages, in ms. */
const INSTALL_TIMEOUT_MS = 15 * 60_000;

let root: string;
const cleaners: (() => unknown)[] = [];
beforeAll(() => ensurePackages(NODE_PACKAGES), INSTALL_TIMEOUT_MS);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sweep-'));
});
afterEach(async () => {
  for (const clean of cleaners.splice(0)) await clean();
  await rm(root, { recursive: true });
});

const removeNode = (id: string) => runOk('sh', [join(__dirname, 'remove.sh'), id, linkName(id)]);

/** What is left of a node when nobody was there to clean up: a link, and a cgroup with a process. */
async function leaveNode(id: string) {
  cleaners.push(() => removeNode(id));
  const group = `/sys/fs/cgroup/pids/cdk8s-sandboxes-${id}`;
  await runOk('ip', ['link', 'add', linkName(id), 'type', 'veth', 'peer', 'name', `p-${id.slice(-8)}`]);
  await mkdir(join(group, 'kubepods', 'pod'), { recursive: true });
  const child = spawn('sleep', ['1000']);
  cleaners.unshift(() => child.kill('SIGKILL'));
  await writeFile(join(group, 'kubepods', 'pod', 'cgroup.procs'), String(child.pid));
  return { child, group };
}

const links = () => runOk('ip', ['-oneline', 'link', 'show']);

test('removes what a node left whose owner has died, and nothing of one whose owner lives', async () => {
  const { id } = await createClusterFolder(root);
  const alive = await leaveNode(id);
  const deadId = id.replace(/^\d+-\d+/, '1-1').replace(/.{8}$/, 'deadbeef'); // process 1 started at another time than 1
  const dead = await leaveNode(deadId);
  const ended = once(dead.child, 'exit');
  await sweepDeadNodes();
  expect(await ended).toEqual([null, 'SIGKILL']);
  expect([existsSync(dead.group), existsSync(alive.group)]).toEqual([false, true]);
  expect(await links()).not.toContain(linkName(deadId));
  expect(await links()).toContain(linkName(id));

  alive.child.kill('SIGKILL');
  await removeNode(id);
  expect([existsSync(alive.group), (await links()).includes(linkName(id))]).toEqual([false, false]);
});
