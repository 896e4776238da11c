import { keyLines } from './key-lines';
import { EnvVar, Port } from './names';
import { defineSettings, type SettingsOf } from './settings';

/** Accepted because existing pods carry it; it changes nothing. */
const withoutEffect = (flag: string, value: string) =>
  ({ flag, kind: 'string', default: value, description: 'Accepted for existing pods, without effect.' }) as const;

/**
 * Settings of the executor. None of their environment variables reaches a task, except POD_UID.
 *
 * @see shared/reference/executor.md section 8
 */
export const executorSettings = defineSettings(
  'executor',
  {
    dataDir: {
      flag: 'data-dir',
      env: 'DATA_DIR',
      kind: 'string',
      default: '/var/lib/sandbox/tasks',
      description: 'Where tasks are recorded, one directory each; made if absent.',
    },
    listenAddr: {
      flag: 'listen-addr',
      env: 'LISTEN_ADDR',
      kind: 'address',
      default: `0.0.0.0:${Port.executor}`,
      description: 'Where the task API answers.',
    },
    execdListenAddr: {
      flag: 'execd-listen-addr',
      env: 'EXECD_LISTEN_ADDR',
      kind: 'addressOrOff',
      default: `0.0.0.0:${Port.execd}`,
      description: 'Where the API of commands and files answers; 0 is off, for pods that carry an execd of their own. Tasks go on where the port is taken.',
    },
    accessToken: {
      flag: 'access-token',
      env: 'EXECD_ACCESS_TOKEN',
      kind: 'string',
      secret: true,
      isSetWhenEmpty: true,
      description: 'What X-EXECD-ACCESS-TOKEN of every request for commands and files must be; of several, one a line, any. Absent means that everybody may ask; one that is empty keeps the executor from starting.',
    },
    sidecarMode: {
      flag: 'enable-sidecar-mode',
      env: 'ENABLE_SIDECAR_MODE',
      kind: 'boolean',
      default: 'false',
      description: 'Run tasks in the main container of the pod: with its files, user and environment. Needs root with the default capabilities of a container, and SYS_PTRACE.',
    },
    mainContainerName: {
      flag: 'main-container-name',
      env: 'MAIN_CONTAINER_NAME',
      kind: 'string',
      default: 'main',
      description: `Container that tasks run in, in sidecar mode: its processes have this name in ${EnvVar.mainContainer}.`,
    },
    authPublicKeyFile: {
      flag: 'auth-public-key-file',
      env: 'AUTH_PUBLIC_KEY_FILE',
      kind: 'string',
      description: 'PEM file with the Ed25519 public key that requests must be signed for; with two keys, either may sign.',
    },
    authPublicKey: {
      env: EnvVar.authPublicKey,
      kind: 'string',
      description: 'Such keys themselves, as PEM; they count instead of the file.',
    },
    authAudience: {
      flag: 'auth-audience',
      env: 'AUTH_AUDIENCE',
      kind: 'string',
      description: `Audience that tokens must name; absent means the UID of the pod in ${EnvVar.podUid}.`,
    },
    podUid: { env: EnvVar.podUid, kind: 'string', description: 'UID of the pod.' },
    allowUnauthenticated: {
      flag: 'allow-unauthenticated',
      env: 'ALLOW_UNAUTHENTICATED',
      kind: 'boolean',
      default: 'false',
      description: 'Serve anybody when there is no key; only for controllers that do not sign.',
    },
    stopGraceSeconds: {
      flag: 'stop-grace-seconds',
      env: 'STOP_GRACE_SECONDS',
      kind: 'integer',
      default: '10',
      max: 86400,
      description: 'Seconds between SIGTERM and SIGKILL of a task that names none itself.',
    },
    taskLogMaxBytes: {
      flag: 'task-log-max-bytes',
      env: 'TASK_LOG_MAX_BYTES',
      kind: 'integer',
      default: '8388608',
      min: 4096,
      description: 'Most bytes of each output stream of a task kept on disk; the oldest go first.',
    },
    maxBodyBytes: {
      flag: 'max-body-bytes',
      env: 'MAX_BODY_BYTES',
      kind: 'integer',
      default: '1048576',
      min: 1,
      description: 'Most bytes of a request body.',
    },
    maxTasks: { flag: 'max-tasks', env: 'MAX_TASKS', kind: 'integer', default: '1', min: 1, max: 100, description: 'Most tasks at a time.' },
    spareRunners: {
      flag: 'spare-runners',
      env: 'SPARE_RUNNERS',
      kind: 'integer',
      default: '1',
      max: 100,
      description: 'Processes kept waiting for a task: each takes about 10 MB and saves its start, about 45 ms of processor time.',
    },
    resetPaths: {
      flag: 'reset-paths',
      env: 'RESET_PATHS',
      kind: 'list',
      default: '',
      description: 'Absolute directories that a reset empties, comma-separated.',
    },
    logLevel: { flag: 'log-level', env: 'LOG_LEVEL', kind: 'logLevel', default: 'info', description: 'Least level of the log on standard error.' },
    criSocket: { ...withoutEffect('cri-socket', '/var/run/containerd/containerd.sock'), env: 'CRI_SOCKET' },
    logMaxSize: withoutEffect('log-max-size', '100'),
    logMaxBackups: withoutEffect('log-max-backups', '10'),
    logMaxAge: withoutEffect('log-max-age', '7'),
    logDir: withoutEffect('log-dir', 'logs'),
  },
  (values) => [
    ...(keyOf(values) !== undefined || values.allowUnauthenticated
      ? []
      : ['--auth-public-key-file: expected a file, or keys in AUTH_PUBLIC_KEY, got nothing; --allow-unauthenticated serves anybody']),
    ...(keyOf(values) !== undefined && (values.authAudience ?? values.podUid) === undefined
      ? [`--auth-audience: expected the UID of the pod, got nothing; set it or ${EnvVar.podUid}`]
      : []),
    ...(values.accessToken !== undefined && keyLines(values.accessToken).length === 0 ? [NO_TOKEN] : []),
    ...values.resetPaths
      .filter((path) => !path.startsWith('/') || path === '/')
      .map((path) => `--reset-paths: expected absolute directories other than /, got '${path}'`),
  ],
);

/** Of an access token that is none, as from a Secret whose key is empty. */
const NO_TOKEN =
  '--access-token: expected a token, got nothing but blank lines and comments; put one into the Secret that EXECD_ACCESS_TOKEN comes from, or leave flag and variable out, so that everybody may ask';

/** What names the keys, if anything does. */
const keyOf = ({ authPublicKey, authPublicKeyFile }: Readonly<Record<'authPublicKey' | 'authPublicKeyFile', string | undefined>>) => authPublicKey ?? authPublicKeyFile;

/** Values of {@link executorSettings}. */
export type ExecutorSettings = SettingsOf<typeof executorSettings.table>;
