import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerLog } from '../../../local/nodes/container-log';
import { findMarked, isAlive, killMarked, POD_MARKER } from '../../../local/nodes/marked-processes';
import { PodProcess } from '../../../local/nodes/pod-process';
import { until } from '../../support/waiting';

const PATH = process.env.PATH ?? '';
let folder: string;
let log: ContainerLog;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pod-process-'));
  log = new ContainerLog(join(folder, 'log'));
});
afterEach(() => {
  log.close();
  rmSync(folder, { recursive: true });
});

const start = (argv: string[], env: Record<string, string> = {}) => new PodProcess({ argv, cwd: folder, env: { PATH, ...env } }, log);
const shell = (script: string, env?: Record<string, string>) => start(['sh', '-c', script], env);
const output = () => log.read().toString();

describe('end of a process', () => {
  test.each([
    ['exit code 0', 'exit 0', { exitCode: 0 }],
    ['another exit code', 'exit 7', { exitCode: 7 }],
    ['a signal', 'kill -USR1 $$', { exitCode: 138, signal: 10 }],
  ])('reports %s', async (_title, script, want) => {
    await expect(shell(script).exited).resolves.toEqual(want);
  });

  test('reports a program that does not exist as not started', async () => {
    const exit = await start(['no-such-program']).exited;
    expect(exit).toEqual({ exitCode: 128, startError: expect.stringContaining('no-such-program') as string });
  });

  test.each([
    ['an argument that is too long', ['sh', '-c', `: ${'x'.repeat(200_000)}`], 'E2BIG'],
    ['an argument with a null byte', ['sh', '-c', 'true \0'], 'null bytes'],
    ['a program without a name', [''], 'empty'],
  ])('reports %s as not started', async (_title, argv, want) => {
    const process = start(argv);
    await expect(process.exited).resolves.toEqual({ exitCode: 128, startError: expect.stringContaining(want) as string });
    expect(process.pid).toBeUndefined();
  });

  test('kills the children of a first process that has ended', async () => {
    const parent = shell('sleep 1000 & echo $!');
    await parent.exited;
    const child = Number(await until(() => /^\d+/.exec(output())?.[0] ?? Promise.reject(new Error('no pid in the log'))));
    await until(() => expect(findMarked('PATH', () => true).map(({ pid }) => pid)).not.toContain(child));
  });
});

describe('stop', () => {
  test('lets a process end by itself after TERM', async () => {
    const stopped = shell('trap "exit 3" TERM; echo ready; while :; do sleep 0.01; done');
    await until(() => expect(output()).toBe('ready\n'));
    await expect(stopped.stop(10_000)).resolves.toEqual({ exitCode: 3 });
  });

  test('kills a process that ignores TERM once the grace time is over', async () => {
    const stubborn = shell('trap "" TERM; echo ready; while :; do sleep 0.01; done');
    await until(() => expect(output()).toBe('ready\n'));
    await expect(stubborn.stop(50)).resolves.toEqual({ exitCode: 137, signal: 9 });
  });

  test('returns at once when the process has ended', async () => {
    const ended = shell('exit 0');
    await ended.exited;
    await expect(ended.stop(10_000)).resolves.toEqual({ exitCode: 0 });
  });
});

test('passes on both output streams', async () => {
  await shell('echo out; echo err >&2').exited;
  await until(() => expect(output().split('\n').sort()).toEqual(['', 'err', 'out']));
});

test('marked processes are found and killed when they left their process group, and others are not touched', async () => {
  const [mine, others] = [`pod-a-${String(process.pid)}`, `pod-b-${String(process.pid)}`];
  const marked = shell('setsid sleep 1000 & echo ready; wait', { [POD_MARKER]: mine });
  const other = start(['sleep', '1000'], { [POD_MARKER]: others });
  try {
    const found = await until(() => {
      const processes = findMarked(POD_MARKER, (uid) => uid === mine);
      expect(processes).toHaveLength(2);
      return processes;
    });
    await expect(killMarked(POD_MARKER, (uid) => uid === mine, 5_000)).resolves.toEqual([]);
    expect(found.filter(isAlive)).toEqual([]);
    expect(findMarked(POD_MARKER, (uid) => uid === others)).toHaveLength(1);
  } finally {
    await Promise.all([marked.stop(0), other.stop(0)]);
  }
});
