import { type PlacedPod, toProcessSpec } from '../../../local/nodes/process-spec';
import type { Container } from '../../../src/schema/kubernetes';

const NODE = { name: 'node-0', address: '127.9.0.1', clusterId: 'c1', podsFolder: '/state/pods', path: '/usr/bin', executorCommand: ['/node', '/executor.js'] };
const MARKERS = { SANDBOXES_CLUSTER: 'c1', SANDBOXES_POD: 'u1' };

function placed(...containers: Container[]): PlacedPod {
  return {
    pod: { metadata: { name: 'web-1', namespace: 'team-a', uid: 'u1', labels: { app: 'web' } }, spec: { containers } },
    address: '127.9.1.1',
    folder: '/state/pods/u1',
  };
}

const base = (container: string) => ({
  PATH: '/usr/bin',
  HOME: `/state/pods/u1/containers/${container}`,
  TMPDIR: `/state/pods/u1/tmp/${container}`,
  HOSTNAME: 'web-1',
});

describe('a container with a command', () => {
  test.each<[string, Partial<Container>, { argv?: string[]; cwd?: string; env?: Record<string, string> }]>([
    ['runs command and args', { command: ['a', 'b'], args: ['c'] }, { argv: ['a', 'b', 'c'] }],
    [
      'gets its variables, later ones made of earlier ones, and they are put into command and args',
      { command: ['$(NAME)', '$$(NAME)', '$(OTHER)'], env: [{ name: 'NAME', value: 'x' }, { name: 'TWICE', value: '$(NAME)$(NAME)' }] },
      { argv: ['x', '$(NAME)', '$(OTHER)'], env: { NAME: 'x', TWICE: 'xx' } },
    ],
    [
      'gets the fields of the downward API',
      {
        command: ['a'],
        env: ['metadata.name', 'metadata.namespace', 'metadata.uid', "metadata.labels['app']", 'status.podIP', 'spec.nodeName'].map((fieldPath, index) => ({
          name: `F${String(index)}`,
          valueFrom: { fieldRef: { fieldPath } },
        })),
      },
      { env: { F0: 'web-1', F1: 'team-a', F2: 'u1', F3: 'web', F4: '127.9.1.1', F5: 'node-0' } },
    ],
    ['starts in its working directory', { command: ['a'], workingDir: '/srv' }, { cwd: '/srv' }],
    [
      'gets paths of the volume folder where the manifest names paths in a volume',
      { command: ['a', '/data/x'], workingDir: '/data', env: [{ name: 'DIR', value: '/data/in' }, { name: 'ELSE', value: '/database' }], volumeMounts: [{ name: 'vol', mountPath: '/data/' }] },
      {
        argv: ['a', '/data/x'],
        cwd: '/state/pods/u1/volumes/vol',
        env: { DIR: '/state/pods/u1/volumes/vol/in', ELSE: '/database' },
      },
    ],
  ])('%s', (_title, container, want) => {
    const main = { name: 'main', ...container };
    expect(toProcessSpec(main, placed(main), NODE)).toEqual({
      argv: want.argv ?? main.command,
      cwd: want.cwd ?? '/state/pods/u1/containers/main',
      env: { ...base('main'), ...want.env, ...MARKERS },
    });
  });
});

test('a container without a command idles, since its program is in an image', () => {
  const main = { name: 'main', image: 'nginx', args: ['-g', 'x'] };
  expect(toProcessSpec(main, placed(main), NODE).argv).toEqual(['sleep', 'infinity']);
});

describe('the task executor', () => {
  const main: Container = { name: 'main', command: ['sleep'], workingDir: '/srv', env: [{ name: 'SANDBOX_MAIN_CONTAINER', value: 'main' }, { name: 'MODE', value: 'fast' }] };

  test.each<[string, Container]>([
    ['by its name', { name: 'task-executor', image: 'private/thing' }],
    ['by its image', { name: 'runner', image: 'registry:5000/opensandbox/task-executor:v1' }],
    ['by our image with a digest', { name: 'runner', image: 'ghcr.io/x/sandbox-executor@sha256:abc' }],
  ])('is known %s and runs as a process with the environment and directory of the main container', (_title, identity) => {
    const executor = { ...identity, args: ['--max-tasks=2'], env: [{ name: 'ENABLE_SIDECAR_MODE', value: 'true' }, { name: 'ALLOW_UNAUTHENTICATED', value: 'true' }] };
    expect(toProcessSpec(executor, placed(main, executor), NODE)).toEqual({
      argv: ['/node', '/executor.js', '--max-tasks=2', '--listen-addr=127.9.1.1:5758', '--execd-listen-addr=127.9.1.1:44772', '--data-dir=/state/pods/u1/tasks', '--enable-sidecar-mode=false'],
      cwd: '/srv',
      env: { ...base('main'), MODE: 'fast', ALLOW_UNAUTHENTICATED: 'true', ...MARKERS },
    });
  });

  test('keeps its own environment and directory where the manifest wants no sidecar', () => {
    const executor = { name: 'task-executor', env: [{ name: 'ENABLE_SIDECAR_MODE', value: 'false' }, { name: 'OWN', value: 'yes' }] };
    const { cwd, env } = toProcessSpec(executor, placed(main, executor), NODE);
    expect([cwd, env['MODE'], env['OWN']]).toEqual(['/state/pods/u1/containers/task-executor', undefined, 'yes']);
  });
});
