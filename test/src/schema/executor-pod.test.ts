import { completeExecutor } from '../../../src/schema/executor-pod';
import type { Container, PodSpec } from '../../../src/schema/kubernetes';

const KEYS = { publicKeys: 'PEM' };
const AUTH = [
  { name: 'AUTH_PUBLIC_KEY', value: 'PEM' },
  { name: 'POD_UID', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.uid' } } },
];
const MOUNT = { name: 'sandbox-tasks', mountPath: '/var/lib/sandbox/tasks' };

const main: Container = { name: 'main', image: 'busybox' };
const executor = (fields: Omit<Container, 'name'> = {}): Container => ({ name: 'task-executor', ...fields });
const shared = (...containers: Container[]): PodSpec => ({ shareProcessNamespace: true, containers });
const containersOf = (spec: PodSpec, completion = {}) => completeExecutor(spec, completion).containers;
const variablesOf = (spec: PodSpec, name: string, completion = {}) =>
  Object.fromEntries(containersOf(spec, completion)?.find((container) => container.name === name)?.env?.map((variable) => [variable.name, variable.value ?? '(from)']) ?? []);

test('a pod as the guides of OpenSandbox show it gets keys, sidecar mode, a marked main container and a place for records', () => {
  const securityContext = { capabilities: { add: ['SYS_PTRACE'] } };
  const spec = shared({ name: 'sandbox-container', image: 'ubuntu:latest', command: ['sleep', '3600'] }, executor({ image: 'task-executor:tag', securityContext }));
  const before = structuredClone(spec);
  expect(completeExecutor(spec, KEYS)).toEqual({
    shareProcessNamespace: true,
    containers: [
      { name: 'sandbox-container', image: 'ubuntu:latest', command: ['sleep', '3600'], env: [{ name: 'SANDBOX_MAIN_CONTAINER', value: 'sandbox-container' }] },
      {
        name: 'task-executor',
        image: 'task-executor:tag',
        securityContext,
        env: [...AUTH, { name: 'ENABLE_SIDECAR_MODE', value: 'true' }, { name: 'MAIN_CONTAINER_NAME', value: 'sandbox-container' }],
        volumeMounts: [MOUNT],
      },
    ],
    volumes: [{ name: 'sandbox-tasks', emptyDir: {} }],
  });
  expect(spec).toEqual(before);
});

test('a pod without an executor is the same object', () => {
  const spec = shared(main);
  expect(completeExecutor(spec, KEYS)).toBe(spec);
});

test('variables of a whole ConfigMap count for nothing', () => {
  const envFrom = [{ configMapRef: { name: 'settings' } }];
  const { volumes, containers } = completeExecutor(shared(main, executor({ envFrom })), KEYS);
  expect(volumes).toEqual([{ name: 'sandbox-tasks', emptyDir: {} }]);
  expect(containers?.[1]).toEqual({ ...completeExecutor(shared(main, executor()), KEYS).containers?.[1], envFrom });
});

test('what is no list of variables is as good as none: its fault was told before', () => {
  const unchecked = { containers: [executor({ env: {} } as unknown as Container)] };
  expect(variablesOf(unchecked, 'task-executor', KEYS)).toEqual({ AUTH_PUBLIC_KEY: 'PEM', POD_UID: '(from)' });
});

test('doing it twice changes nothing more, also when the keys have changed', () => {
  const once = completeExecutor(shared(main, executor()), KEYS);
  expect(completeExecutor(once, { publicKeys: 'OTHER' })).toEqual(once);
});

describe('authentication', () => {
  const authOf = (fields: Omit<Container, 'name'>) => Object.keys(variablesOf({ containers: [main, executor(fields)] }, 'task-executor', KEYS));

  test.each<[string, Omit<Container, 'name'>]>([
    ['a key in a variable', { env: [{ name: 'AUTH_PUBLIC_KEY', value: 'MINE' }] }],
    ['a key in a file', { env: [{ name: 'AUTH_PUBLIC_KEY_FILE', value: '/key' }] }],
    ['that everybody may call', { env: [{ name: 'ALLOW_UNAUTHENTICATED', value: 'true' }] }],
    ['an audience, which the operator does not sign for', { env: [{ name: 'AUTH_AUDIENCE', value: 'me' }] }],
    ['whether everybody may call, from where we cannot see', { env: [{ name: 'ALLOW_UNAUTHENTICATED', valueFrom: { configMapKeyRef: { name: 'a', key: 'b' } } }] }],
    ['a variable from a ConfigMap', { env: [{ name: 'AUTH_PUBLIC_KEY', valueFrom: { configMapKeyRef: { name: 'keys', key: 'a' } } }] }],
  ])('stays as the executor says it: %s', (_, fields) => {
    expect(containersOf({ containers: [main, executor(fields)] }, KEYS)?.[1]?.env).toEqual(fields.env);
  });

  test.each<[string, Omit<Container, 'name'>]>([
    ['a flag with two dashes', { args: ['--allow-unauthenticated'] }],
    ['a flag with one dash and a value', { args: ['-auth-public-key-file=/key'] }],
    ['a flag and its value apart', { args: ['--log-level', 'debug', '--auth-public-key-file', '/key'] }],
    ['a flag in the command', { command: ['/executor', '--allow-unauthenticated=true'] }],
    ['a flag in a line for a shell', { command: ['sh', '-c', "exec /executor '--allow-unauthenticated' 2>&1"] }],
    ['an audience, which the operator does not sign for', { args: ['--auth-audience=me'] }],
  ])('stays as the executor says it: %s', (_, fields) => {
    expect(authOf(fields)).toEqual([]);
  });

  test.each<[string, Omit<Container, 'name'>]>([
    ['another flag', { args: ['--listen-addr=0.0.0.0:5758'] }],
    ['a longer flag', { args: ['--allow-unauthenticated-not'] }],
    ['a flag as the value of another', { args: ['--log-dir=--allow-unauthenticated'] }],
    ['a flag that is off', { args: ['--allow-unauthenticated=false'] }],
    ['variables of a ConfigMap', { envFrom: [{ configMapRef: { name: 'settings' } }] }],
  ])('is added beside %s', (_, fields) => {
    expect(authOf(fields)).toEqual(['AUTH_PUBLIC_KEY', 'POD_UID']);
  });

  test.each(['False', '1', 'TRUE', ''])("is added beside a variable that is not 'true', which the executor asks for: '%s'", (value) => {
    expect(authOf({ env: [{ name: 'ALLOW_UNAUTHENTICATED', value }] })).toEqual(['ALLOW_UNAUTHENTICATED', 'AUTH_PUBLIC_KEY', 'POD_UID']);
  });

  test.each(['AUTH_PUBLIC_KEY', 'AUTH_PUBLIC_KEY_FILE', 'AUTH_AUDIENCE', 'POD_UID'])('is added when %s is empty, which is as good as absent', (name) => {
    expect(variablesOf({ containers: [executor({ env: [{ name, value: '' }] })] }, 'task-executor', KEYS)).toMatchObject({ AUTH_PUBLIC_KEY: 'PEM', POD_UID: '(from)' });
  });

  test.each<[string, Omit<Container, 'name'>, boolean]>([
    ['a flag that is on and then off', { args: ['--allow-unauthenticated', '--allow-unauthenticated=false'] }, true],
    ['a flag that is off and then on', { args: ['--allow-unauthenticated=false', '-allow-unauthenticated'] }, false],
    ['a flag that is off and a variable that is on', { args: ['--allow-unauthenticated=false'], env: [{ name: 'ALLOW_UNAUTHENTICATED', value: 'true' }] }, true],
    ['a variable that is on and then off', { env: ['true', 'false'].map((value) => ({ name: 'ALLOW_UNAUTHENTICATED', value })) }, true],
    ['a variable that is off and then on', { env: ['false', 'true'].map((value) => ({ name: 'ALLOW_UNAUTHENTICATED', value })) }, false],
    ['a variable that is there and then empty', { env: ['/key', ''].map((value) => ({ name: 'AUTH_PUBLIC_KEY_FILE', value })) }, true],
  ])('goes by what counts for the executor: %s', (_, fields, isAdded) => {
    expect(authOf(fields).includes('AUTH_PUBLIC_KEY')).toBe(isAdded);
  });

  test('keeps a POD_UID that is there', () => {
    expect(variablesOf({ containers: [executor({ env: [{ name: 'POD_UID', value: 'mine' }] })] }, 'task-executor', KEYS)).toEqual({ POD_UID: 'mine', AUTH_PUBLIC_KEY: 'PEM' });
  });

  test('is left out without keys', () => {
    expect(containersOf({ containers: [main, executor()] })?.[1]?.env).toBeUndefined();
  });
});

describe('sidecar mode', () => {
  const mark = (value: string) => [{ name: 'SANDBOX_MAIN_CONTAINER', value }];
  const other: Container = { name: 'other' };

  test.each<{ title: string; given: PodSpec; executorSays: Record<string, string>; marks: Record<string, string> }>([
    {
      title: 'the first container is the main one, wherever the executor stands',
      given: shared(executor(), other, main),
      executorSays: { ENABLE_SIDECAR_MODE: 'true', MAIN_CONTAINER_NAME: 'other' },
      marks: { other: 'other' },
    },
    { title: 'no shared process namespace, no sidecar', given: { containers: [main, executor()] }, executorSays: {}, marks: {} },
    {
      title: 'the mode is off because the executor says so',
      given: shared(main, executor({ args: ['-enable-sidecar-mode=false'] })),
      executorSays: {},
      marks: {},
    },
    {
      title: 'the mode is on by a flag, and a name in the next argument is none of its value',
      given: shared(other, main, executor({ args: ['--enable-sidecar-mode', '-main-container-name', 'main'] })),
      executorSays: {},
      marks: { main: 'main' },
    },
    {
      title: 'the mode is on by a variable, the name is left out',
      given: shared(main, executor({ env: [{ name: 'ENABLE_SIDECAR_MODE', value: 'true' }] })),
      executorSays: { ENABLE_SIDECAR_MODE: 'true', MAIN_CONTAINER_NAME: 'main' },
      marks: { main: 'main' },
    },
    {
      title: 'the container that is marked is the main one, by the value of its mark',
      given: shared(other, { ...main, env: mark('sandbox') }, executor()),
      executorSays: { ENABLE_SIDECAR_MODE: 'true', MAIN_CONTAINER_NAME: 'sandbox' },
      marks: { main: 'sandbox' },
    },
    {
      title: 'a mark that fits the name stands on another container',
      given: shared(other, { ...main, env: mark('other') }, executor({ env: [{ name: 'MAIN_CONTAINER_NAME', value: 'other' }] })),
      executorSays: { MAIN_CONTAINER_NAME: 'other', ENABLE_SIDECAR_MODE: 'true' },
      marks: { main: 'other' },
    },
    {
      title: 'the name cannot be seen',
      given: shared(main, executor({ env: [{ name: 'MAIN_CONTAINER_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] })),
      executorSays: { MAIN_CONTAINER_NAME: '(from)' },
      marks: {},
    },
    {
      title: 'the mode is off by a variable that is true in other letters',
      given: shared(main, executor({ env: [{ name: 'ENABLE_SIDECAR_MODE', value: 'TRUE' }] })),
      executorSays: { ENABLE_SIDECAR_MODE: 'TRUE' },
      marks: {},
    },
    {
      title: 'variables that are empty say nothing',
      given: shared({ ...main, env: mark('') }, executor({ env: ['ENABLE_SIDECAR_MODE', 'MAIN_CONTAINER_NAME'].map((name) => ({ name, value: '' })) })),
      executorSays: { ENABLE_SIDECAR_MODE: 'true', MAIN_CONTAINER_NAME: 'main' },
      marks: { main: 'main' },
    },
    { title: 'there is no other container', given: shared(executor()), executorSays: {}, marks: {} },
  ])('$title', ({ given, executorSays, marks }) => {
    expect(variablesOf(given, 'task-executor')).toEqual(executorSays);
    const found = (containersOf(given) ?? []).filter(({ name }) => name !== 'task-executor').flatMap(({ name, env }) => (env ?? []).map(({ value }) => [name, value]));
    expect(Object.fromEntries(found)).toEqual(marks);
  });
});

describe('the volume for records', () => {
  test.each<[string, Omit<Container, 'name'>]>([
    ['the executor keeps them elsewhere', { args: ['--data-dir=/data'] }],
    ['a volume is mounted there', { volumeMounts: [{ name: 'own', mountPath: '/var/lib/sandbox/tasks/' }] }],
    ['a volume is mounted above', { volumeMounts: [{ name: 'own', mountPath: '/var/lib' }] }],
  ])('is not added when %s', (_, fields) => {
    const spec = { containers: [main, executor(fields)], volumes: [{ name: 'own', emptyDir: {} }] };
    expect(completeExecutor(spec)).toEqual(spec);
  });

  test('is mounted above their folder beside no main container, where the executor may be any user and has to make that folder', () => {
    const [, completed] = containersOf({ containers: [main, executor()] }) ?? [];
    expect(completed?.volumeMounts).toEqual([{ name: 'sandbox-tasks', mountPath: '/var/lib/sandbox' }]);
  });

  test('is added beside volumes that are for something else', () => {
    const volumes = [{ name: 'own', emptyDir: {} }];
    const volumeMounts = [{ name: 'own', mountPath: '/var/lib/sandbox-other' }];
    const { containers, volumes: completed } = completeExecutor({ ...shared(main, executor({ volumeMounts })), volumes });
    expect(containers?.[1]?.volumeMounts).toEqual([...volumeMounts, MOUNT]);
    expect(completed).toEqual([...volumes, { name: 'sandbox-tasks', emptyDir: {} }]);
  });

  test('is not added when a volume of its name is there for something else', () => {
    const spec = { containers: [main, executor()], volumes: [{ name: 'sandbox-tasks', emptyDir: {} }] };
    expect(completeExecutor(spec)).toEqual(spec);
  });
});
