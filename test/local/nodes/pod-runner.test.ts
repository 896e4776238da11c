import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findMarked, POD_MARKER } from '../../../local/nodes/marked-processes';
import { PodRunner } from '../../../local/nodes/pod-runner';
import { PodSweeper } from '../../../local/nodes/pod-sweeper';
import { StartGate } from '../../../local/nodes/start-gate';
import { systemClock } from '../../../src/program/clock';
import type { Container, PodSpec } from '../../../src/schema/kubernetes';
import { until } from '../../support/waiting';
import { ManualClock } from '../../support/manual-clock';

const UID = `pod-runner-test-${String(process.pid)}`;
let folder: string;
let runner: PodRunner | undefined;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'pod-runner-'))));
afterEach(async () => {
  await runner?.stop(0);
  rmSync(folder, { recursive: true });
});

function start(spec: PodSpec, { clock = systemClock, warnings = [] as string[] } = {}): PodRunner {
  const podFolder = join(folder, 'pod');
  const created = new PodRunner({
    placed: { pod: { metadata: { name: 'p', namespace: 'default', uid: UID }, spec }, address: '127.0.0.1', folder: podFolder },
    node: { name: 'n', address: '127.0.0.1', clusterId: UID, podsFolder: folder, path: process.env.PATH ?? '', executorCommand: [] },
    gate: new StartGate(4),
    sweeper: new PodSweeper(systemClock),
    clock,
    onChange: () => undefined,
    warn: (reason) => warnings.push(reason),
  });
  runner = created;
  void created.run();
  return created;
}

const shell = (name: string, script: string, more: Partial<Container> = {}): Container => ({ name, command: ['sh', '-c', script], ...more });
const states = (pod: PodRunner) => pod.observe().containers.map(({ state }) => state);
const output = (pod: PodRunner, container: string) => pod.log(container)?.read().toString();

test('runs init containers one after the other, then the containers side by side', async () => {
  const note = (word: string) => `echo ${word} >> ../../order`;
  const pod = start({
    initContainers: [shell('one', `sleep 0.05; ${note('one')}`), shell('two', note('two'))],
    containers: [shell('a', `${note('main')}; sleep 1000`), shell('b', 'echo b; sleep 1000')],
  });
  await until(() => expect(pod.observe().containers.map(({ ready }) => ready)).toEqual([true, true]));
  await until(() => expect(readFileSync(join(folder, 'pod', 'order'), 'utf8')).toBe('one\ntwo\nmain\n'));
});

test('does not start containers after an init container that failed for good', async () => {
  const pod = start({ restartPolicy: 'Never', initContainers: [shell('one', 'exit 4')], containers: [shell('a', 'sleep 1000')] });
  await until(() => expect(pod.observe().initContainers[0]?.state).toMatchObject({ terminated: { exitCode: 4 } }));
  expect({ initialized: pod.observe().initialized, states: states(pod) }).toEqual({ initialized: false, states: [{ waiting: { reason: 'ContainerCreating' } }] });
});

test('starts a container that ends again: at once, then after delays that double', async () => {
  const clock = new ManualClock();
  const pod = start({ containers: [shell('a', 'echo run; exit 1')] }, { clock });
  const waits = async (restartCount: number, delay: string) => {
    await until(() =>
      expect(pod.observe().containers[0]).toMatchObject({
        restartCount,
        state: { waiting: { reason: 'CrashLoopBackOff', message: `back-off ${delay} restarting failed container=a` } },
        lastState: { terminated: { exitCode: 1, reason: 'Error' } },
      }),
    );
  };
  await waits(1, '10s');
  await clock.advance(10_000);
  await waits(2, '20s');
  await clock.advance(20_000);
  await waits(3, '40s');
  await until(() => expect(output(pod, 'a')).toBe('run\n'.repeat(4)));
});

test.each([
  ['Never', 'exit 1', 1],
  ['OnFailure', 'exit 0', 0],
])('does not start a container again under restart policy %s after %s', async (restartPolicy, script, exitCode) => {
  const pod = start({ restartPolicy, containers: [shell('a', script)] });
  await until(() => expect(states(pod)).toMatchObject([{ terminated: { exitCode } }]));
  expect(pod.observe().containers[0]?.restartCount).toBe(0);
});

test('shows a program that does not exist as a start error with its name', async () => {
  const pod = start({ restartPolicy: 'Never', containers: [{ name: 'a', command: ['no-such-program'] }] });
  await until(() => expect(states(pod)).toMatchObject([{ terminated: { exitCode: 128, reason: 'StartError', message: expect.stringContaining('no-such-program') as string } }]));
});

test('a container is ready once its probe passes', async () => {
  const pod = start({
    containers: [shell('a', 'sleep 1000', { readinessProbe: { exec: { command: ['test', '-e', '../ready'] } } }), shell('b', 'sleep 1000')],
  });
  await until(() => expect(pod.observe().containers.map(({ ready }) => ready)).toEqual([false, true]));
  writeFileSync(join(folder, 'pod', 'containers', 'ready'), '');
  await until(() => expect(pod.observe().containers.map(({ ready }) => ready)).toEqual([true, true]));
});

test('a container starts with its startup probe, and is asked only then whether it is ready', async () => {
  const pod = start({
    containers: [
      shell('a', 'sleep 1000', {
        startupProbe: { exec: { command: ['test', '-e', '../started'] }, failureThreshold: 1000 },
        readinessProbe: { exec: { command: ['sh', '-c', 'test -e ../started && touch ../asked || touch ../asked-early'] } },
      }),
      shell('b', 'sleep 1000', { startupProbe: { exec: { command: ['true'] } } }),
    ],
  });
  const conditions = () => pod.observe().containers.map(({ started, ready }) => ({ started, ready }));
  const yes = { started: true, ready: true };
  await until(() => expect(conditions()).toEqual([{ started: false, ready: false }, yes]));
  writeFileSync(join(folder, 'pod', 'containers', 'started'), '');
  await until(() => expect(conditions()).toEqual([yes, yes]));
  expect(existsSync(join(folder, 'pod', 'containers', 'asked-early'))).toBe(false);
});

test.each([
  ['Never', { terminated: { exitCode: 143, signal: 15 } }, 0],
  ['Always', { waiting: { reason: 'CrashLoopBackOff' } }, 1],
])('a container whose startup probe fails is ended, and its restart policy %s says what follows', async (restartPolicy, state, restartCount) => {
  const warnings: string[] = [];
  const startupProbe = { exec: { command: ['false'] }, failureThreshold: 1 };
  const pod = start({ restartPolicy, containers: [{ name: 'a', command: ['sleep', '1000'], startupProbe }] }, { warnings });
  await until(() => expect(pod.observe().containers).toMatchObject([{ state, restartCount, started: false, ready: false }]));
  expect(new Set(warnings)).toEqual(new Set(['Unhealthy']));
});

test('a pod past its deadline is ended, and is past it only when nothing of it runs any more', async () => {
  const clock = new ManualClock();
  const pod = start({ activeDeadlineSeconds: 60, containers: [shell('a', 'trap "echo ending; exit 0" TERM; echo ready; while :; do sleep 0.01; done')] }, { clock });
  await until(() => expect(output(pod, 'a')).toBe('ready\n'));
  await clock.advance(59_999);
  expect(pod.observe().deadlineExceeded).toBe(false);
  await clock.advance(1);
  await until(() => expect(pod.observe().deadlineExceeded).toBe(true));
  expect(output(pod, 'a')).toMatch(/\nending\n$/);
  expect(states(pod)).toMatchObject([{ terminated: { exitCode: 0 } }]);
});

test('warns about what it cannot do', async () => {
  const warnings: string[] = [];
  const fromSecret = { name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } };
  const pod = start(
    {
      containers: [{ name: 'a', image: 'nginx' }, shell('b', 'pwd; sleep 1000', { workingDir: '/no/such/folder', env: [fromSecret] })],
      volumes: [{ name: 'scratch', emptyDir: {} }, { name: 'config', configMap: { name: 'c' } }],
    },
    { warnings },
  );
  await until(() => expect(output(pod, 'b')).toBe(`${join(folder, 'pod', 'containers', 'b')}\n`));
  await until(() => expect(warnings.sort()).toEqual(['NoImages', 'NoWorkingDir', 'VariablesNotSet', 'VolumesEmpty']));
});

test('stop ends every process of the pod, also those that left their group, and removes its folder', async () => {
  const pod = start({ containers: [shell('a', 'setsid sleep 1000 & trap "" TERM; echo ready; while :; do sleep 0.01; done')] });
  await until(() => expect(output(pod, 'a')).toBe('ready\n'));
  await pod.stop(50);
  expect({ processes: findMarked(POD_MARKER, (uid) => uid === UID), folder: existsSync(join(folder, 'pod')) }).toEqual({ processes: [], folder: false });
});

test('stop right after the start leaves nothing behind', async () => {
  const pod = start({ containers: [shell('a', 'sleep 1000')] });
  await pod.stop(0);
  expect({ processes: findMarked(POD_MARKER, (uid) => uid === UID), folder: existsSync(join(folder, 'pod')) }).toEqual({ processes: [], folder: false });
});

describe('a command in a container', () => {
  const TRAPPED = `trap 'exit 0' TERM; while :; do sleep 0.02; done`;
  const untilRunning = (pod: PodRunner) =>
    until(() => {
      expect(pod.observe().containers).not.toEqual([]);
      expect(pod.observe().containers.map(({ ready }) => ready)).not.toContain(false);
    });
  async function run(pod: PodRunner, container: string, ...argv: string[]) {
    const command = pod.command(container, argv)?.();
    command?.endInput();
    const texts = await Promise.all([command?.stdout, command?.stderr].map(async (stream) => {
      let text = '';
      for await (const chunk of stream ?? []) text += Buffer.from(chunk).toString();
      return text;
    }));
    return { exitCode: await command?.ended, stdout: texts[0], stderr: texts[1] };
  }

  test('has its directory and environment, and its exit code is told', async () => {
    const pod = start({ containers: [shell('a', 'sleep 1000', { env: [{ name: 'WORD', value: 'w' }] })] });
    await untilRunning(pod);
    expect(await run(pod, 'a', 'sh', '-c', 'echo $WORD; pwd; echo no >&2; exit 7')).toEqual({ exitCode: 7, stdout: `w\n${join(folder, 'pod', 'containers', 'a')}\n`, stderr: 'no\n' });
    expect(await run(pod, 'a', 'no-such-program')).toMatchObject({ exitCode: 127, stderr: expect.stringContaining('ENOENT') as string });
    expect(pod.command('b', ['true'])).toBeUndefined();
  });

  test('that signals process 1 means the first process of the container, which starts again without its files', async () => {
    const pod = start({ containers: [shell('a', TRAPPED), shell('b', 'sleep 1000')] });
    await untilRunning(pod);
    await run(pod, 'a', 'touch', 'left', join(folder, 'pod', 'tmp', 'a', 'left'));
    await run(pod, 'b', 'touch', 'left');
    const before = pod.observe().containers.map(({ containerID }) => containerID);
    expect(await run(pod, 'a', 'kill', '1')).toMatchObject({ exitCode: 0 });
    await until(() => expect(pod.observe().containers).toMatchObject([{ restartCount: 1, ready: true }, { restartCount: 0, ready: true }]));
    const after = pod.observe().containers.map(({ containerID }) => containerID);
    expect([after[0] === before[0], after[1] === before[1]]).toEqual([false, true]);
    expect(['containers/a', 'tmp/a', 'containers/b'].map((path) => existsSync(join(folder, 'pod', path, 'left')))).toEqual([false, false, true]);
  });

  test('that signals process 1 does nothing where that has no handler, as in a container', async () => {
    const pod = start({ containers: [{ name: 'a', command: ['sleep', '1000'] }] });
    await untilRunning(pod);
    expect(await run(pod, 'a', 'kill', '-9', '1')).toMatchObject({ exitCode: 0 });
    expect(await run(pod, 'a', 'kill', '1')).toMatchObject({ exitCode: 0 });
    expect(await run(pod, 'a', 'kill', '1', '2')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('kill 1 2') as string });
    // A signal that was sent would have been carried out by the end of another process.
    expect(await run(pod, 'a', 'true')).toMatchObject({ exitCode: 0 });
    expect(pod.observe().containers).toMatchObject([{ restartCount: 0, ready: true }]);
  });

  test('that signals process 1 of a pod whose containers share their processes ends them all', async () => {
    const pod = start({ shareProcessNamespace: true, containers: [shell('a', 'sleep 1000'), shell('b', 'sleep 1000')] });
    await untilRunning(pod);
    expect(await run(pod, 'a', 'kill', '1')).toMatchObject({ exitCode: 137 });
    await until(() => expect(pod.observe().containers).toMatchObject([{ restartCount: 1, ready: true }, { restartCount: 1, ready: true }]));
  });
});
