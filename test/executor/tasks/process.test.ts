import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { endProcesses, endTree } from '../../../executor/tasks/end-processes';
import { findScope, findTree, identifyProcess, isAlive, type ProcessIdentity, signalProcess, withoutKnown } from '../../../executor/tasks/process';
import { readCommand, readStat, readStatFields } from '../../../executor/tasks/proc';
import { fixture, isRunning } from '../executor-process';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const { pid = 0 } of started.splice(0)) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The whole group has ended.
    }
  }
});

/** A process that heads its group and carries a task id. */
async function start(taskId: string, command: readonly string[], options: object = {}): Promise<{ child: ChildProcess; leader: ProcessIdentity }> {
  const child = spawn(command[0] ?? '', command.slice(1), { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, SANDBOX_TASK_ID: taskId }, ...options });
  started.push(child);
  await once(child, 'spawn');
  const leader = identifyProcess(child.pid ?? 0);
  if (leader === undefined) throw new Error('expected a process');
  return { child, leader };
}

const readProcessGroup = (groupId: number) => readdirSync('/proc').filter((entry) => readStat(Number(entry))?.groupId === groupId);

test('an identity holds for its process only: not for another start time, another boot, or after the end (X7)', async () => {
  const { child, leader } = await start('p.1', ['sleep', '600']);
  expect(isAlive(leader)).toBe(true);
  expect(isAlive({ ...leader, startTime: leader.startTime - 1 })).toBe(false);
  expect(isAlive({ ...leader, bootId: 'other' })).toBe(false);
  signalProcess({ ...leader, startTime: leader.startTime - 1 }, 'SIGKILL');
  expect(isAlive(leader)).toBe(true);
  signalProcess(leader, 'SIGKILL');
  await once(child, 'exit');
  expect(isAlive(leader)).toBe(false);
  expect(identifyProcess(leader.pid)).toBeUndefined();
});

test('a tree is the group, the session, the marked, and their children (X6)', async () => {
  const { child, leader } = await start('p.2', [fixture('leaves-children.sh')]);
  let output = '';
  child.stdout?.on('data', (chunk) => (output += String(chunk)));
  await once(child, 'close');
  const pids = output.trim().split('\n').map(Number);
  const stray = await start('p.2', ['sleep', '600']);
  expect(findTree({ taskId: 'p.2', leader }).map(({ pid }) => pid)).toEqual(expect.arrayContaining([...pids, stray.leader.pid]));
  // Whoever hides its mark is found by group.
  const hidden = await start('p.3', ['sh', '-c', 'env -u SANDBOX_TASK_ID sleep 600']);
  expect(findTree({ taskId: 'p.3', leader: hidden.leader }).map(({ pid }) => pid)).toContain(hidden.leader.pid);
  expect(await endTree({ taskId: 'p.2', leader }, 0)).toBe(true);
  expect([...pids, stray.leader.pid].map(isRunning)).toEqual([false, false, false]);
});

test('a group or session whose number somebody else has by now is not the one of the task, though it is younger (X7)', async () => {
  const { leader } = await start('p.6', ['sleep', '600']);
  const before = { ...leader, startTime: leader.startTime - 1 };
  expect(findTree({ taskId: 'p.7', leader: before })).toEqual([]);
  expect(await endTree({ taskId: 'p.7', leader: before }, 0)).toBe(false);
  expect(isAlive(leader)).toBe(true);
});

test('a group of that number in another session is not the one of the task either, though its leader has ended (X7)', async () => {
  const script = 'setpgrp(0, 0); exit if fork; sleep 600';
  const { child, leader } = await start('p.8', ['perl', '-e', script], { detached: false, env: {} });
  await once(child, 'exit');
  expect(readProcessGroup(leader.pid)).toHaveLength(1);
  expect(findTree({ taskId: 'p.9', leader })).toEqual([]);
});

test('a child that a known process forks between the two looks is not taken for a hidden one (X29)', () => {
  const stat = (pid: number) => ({ pid, parentPid: 1, groupId: pid, sessionId: pid, startTime: pid });
  const marked = [10];
  const hidden = [20];
  const forkAfter = <T>(seen: T): T => {
    marked.push(10 + marked.length);
    return seen;
  };
  const left = withoutKnown(
    () => forkAfter([...marked, ...hidden].map(stat)),
    () => forkAfter([...marked]),
  );
  expect(left.map(({ pid }) => pid)).toEqual(hidden);
});

test('a scope is every id that begins with it and a dot (X29)', async () => {
  const [one, other] = [await start('scope1.a', ['sleep', '600']), await start('scope12.a', ['sleep', '600'])];
  expect(findScope('scope1').map(({ pid }) => pid)).toEqual([one.leader.pid]);
  expect(findScope('scope12').map(({ pid }) => pid)).toEqual([other.leader.pid]);
});

test('SIGTERM comes once and is enough for who heeds it, whatever the grace (X6)', async () => {
  const { leader, child } = await start('p.4', ['sh', '-c', 'trap "echo term; sleep 0.1; exit 0" TERM; echo ready; while :; do sleep 0.02; done']);
  let output = '';
  child.stdout?.on('data', (chunk) => (output += String(chunk)));
  const closed = once(child, 'close');
  await once(child.stdout ?? child, 'data');
  expect(await endTree({ taskId: 'p.4', leader }, 60_000)).toBe(false);
  await closed; // and its output is read to the end
  expect(output).toBe('ready\nterm\n');
});

test('processes that fork faster than they are killed end where their number is limited: stopped ones fork no more and count (X6)', async () => {
  const LIMIT = 5;
  const fork = () => started.push(spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }));
  const look = () => {
    const alive = started.flatMap(({ pid = NaN }) => readStat(pid) ?? []);
    const isStopped = (pid: number) => readStatFields(pid)?.[0] === 'T';
    if (alive.length < LIMIT && alive.some(({ pid }) => !isStopped(pid))) fork(); // behind the back of the look
    return alive;
  };
  fork();
  await endProcesses({ look, graceMs: 0, deadline: new AbortController().signal });
  expect(look()).toEqual([]);
});

test('a deadline ends the attempt (X29)', async () => {
  const aborted = AbortSignal.abort();
  const look = () => [{ pid: 0, parentPid: 0, groupId: 0, sessionId: 0, startTime: 0 }];
  expect(await endProcesses({ look, graceMs: 0, deadline: aborted })).toBe(false);
});

test('a command line is told in one line', async () => {
  const { leader } = await start('p.5', ['sleep', '600']);
  expect(readCommand(leader.pid)).toBe('sleep 600');
});
