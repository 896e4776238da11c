import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../src/program/clock';
import { readVerifyKeys } from '../src/program/executor-token';
import { aborted } from '../src/program/shutdown';
import { type ExecutorSettings, executorSettings } from '../src/schema/executor-settings';
import { keyLines } from '../src/schema/key-lines';
import { EnvVar } from '../src/schema/names';
import { RequestAuthorizer } from './auth';
import { ExecdListener } from './execd/listener';
import { enteredSandbox, hostSandbox, sidecarSandbox, withVariables } from './execd/sandbox';
import { createLog, type Log } from './log';
import { announceServing, INIT_PID, OWNS_CONTAINER } from './init';
import { endProcesses } from './tasks/end-processes';
import { checkProcessor } from './tasks/enter-script';
import { closeForeignDescriptors } from './tasks/foreign-descriptors';
import { Health } from './tasks/health';
import { hostLauncher, sidecarLauncher } from './tasks/launch';
import { checkEntryCapabilities } from './tasks/main-process';
import { findCgroupMates, findScope, readBootId, withoutKnown } from './tasks/process';
import { resetSandbox } from './tasks/reset';
import { taskRoutes } from './tasks/routes';
import { RunnerPool } from './tasks/runner';
import { TaskStore } from './tasks/store';
import { Supervisor } from './tasks/supervisor';
import { TaskVariables } from './tasks/task-variables';
import { USED_TOKENS_FILE, UsedTokens } from './used-tokens';
import { startWebServer } from './web-server';

const STDERR_FD = 2;

/** What the program tells its server mode. */
export interface ServeOptions {
  readonly settings: ExecutorSettings;
  readonly version: string;
  /** Argument vector that starts this program as a runner. */
  readonly runnerArgv: readonly string[];
  /** Environment of the program. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDir: string;
  /** Ends the server; tasks go on. */
  readonly stop: AbortSignal;
  /** Ends all tasks, and the server after them. */
  readonly endTasks: AbortSignal;
}

/**
 * The server mode: recovers what is on disk, then serves until told to stop.
 *
 * @throws an error when the data directory, the keys or the address cannot be used, or when processor or rights do not do for sidecar mode
 */
export async function serveTasks({ settings, version, runnerArgv, env, workingDir, stop, endTasks }: ServeOptions): Promise<void> {
  closeForeignDescriptors(STDERR_FD);
  if (settings.sidecarMode) {
    checkProcessor();
    checkEntryCapabilities();
  }
  const clock = systemClock;
  const log = createLog(settings.logLevel, clock);
  const store = await TaskStore.open(settings.dataDir);
  const authorizer = await loadAuthorizer(settings, store.dataDir);
  const { tasks, corruptCount } = await store.load();
  const scope = createHash('sha256').update(store.dataDir).digest('hex').slice(0, 16);
  const taskEnv = baseEnvironment(env);
  const runners = new RunnerPool({ argv: runnerArgv, env: withoutNodeSettings(taskEnv) }, store.dataDir, settings.spareRunners);
  const ownsContainer = settings.sidecarMode && env[OWNS_CONTAINER] === 'true';
  const launcher = settings.sidecarMode ? sidecarLauncher(settings.mainContainerName, ownsContainer) : hostLauncher(taskEnv, workingDir);
  const { maxTasks, stopGraceSeconds, taskLogMaxBytes } = settings;
  const supervisor = new Supervisor({ store, runners, launcher, clock, log, scope, maxTasks, stopGraceSeconds, taskLogMaxBytes });
  const findMarked = () => findScope(scope);
  const findHidden = () => withoutKnown(findCgroupMates, () => [...findMarked().map(({ pid }) => pid), ...supervisor.runnerPids()]);
  const health = new Health({ clock, probe: () => store.probe(), stuck: () => supervisor.problems(), corruptCount });
  if (corruptCount > 0) {
    // A task whose record is lost must not run on beside the next one.
    await endProcesses({ look: () => findScope(scope, tasks.map(({ record }) => record.id)), graceMs: stopGraceSeconds * 1000 });
  }
  await supervisor.adopt(tasks);
  const variables = new TaskVariables(supervisor, clock);
  const bare = settings.sidecarMode ? sidecarSandbox(settings.mainContainerName, ownsContainer) : hostSandbox(taskEnv, workingDir);
  const ownPorts = new Set<number>();
  const execd = new ExecdListener({
    sandbox: withVariables(bare, () => variables.current()),
    stage: (settings.sidecarMode ? enteredSandbox : hostSandbox)({ PATH: env['PATH'] ?? '' }, store.dataDir),
    clock,
    log,
    dataDir: store.dataDir,
    scope,
    accessTokens: settings.accessToken === undefined ? undefined : keyLines(settings.accessToken),
    execdEnvs: env[EnvVar.execdEnvs],
    proxyHosts: proxyHosts(settings),
    ownPorts,
    arrivalOf: (uid, signal) => variables.arrivalOf(uid, signal),
  });

  const handle = taskRoutes({
    supervisor,
    log,
    version: { version, mode: launcher.mode, bootId: readBootId() },
    maxBodyBytes: settings.maxBodyBytes,
    authorize: authorizer && ((request) => authorizer.authorize(request)),
    health: () => health.problems(),
    reset: async () => {
      const { resetPaths } = settings;
      let isEnded = false; // a reset that is refused ends nothing
      const endCommands = () => {
        isEnded = true;
        return execd.end();
      };
      try {
        const killed = await resetSandbox({ supervisor, store, endCommands, findMarked, findHidden: ownsContainer ? findHidden : () => [], stopGraceSeconds, resetPaths });
        health.forgetCorrupt();
        return killed;
      } finally {
        if (isEnded) await execd.open();
      }
    },
  });
  const server = await startWebServer(handle, settings.listenAddr);
  ownPorts.add(server.port);
  const execdPort = await listenForCommands(execd, settings, log);
  if (execdPort !== undefined) ownPorts.add(execdPort);
  announceServing(env);
  log.info({ host: settings.listenAddr.host, port: server.port, execdPort, tasks: tasks.length, corrupt: corruptCount }, 'listening');
  runners.refill();
  await aborted(AbortSignal.any([stop, endTasks]));
  const execdClosed = execd.close();
  execdClosed.catch(() => undefined); // told below, after the end of the tasks, which it must not keep from it
  supervisor.changes.close();
  const serverClosed = server.close();
  await Promise.race([serverClosed, aborted(endTasks)]); // a caller that is still sending keeps no task from its SIGTERM
  if (endTasks.aborted) {
    await nextTurn(); // whoever has waited for a change is answered by now, with what was before
    // Nobody is told of these ends: the pod goes, and to the operator the tasks were lost with it (R113).
    await supervisor.endTasks();
  }
  await serverClosed;
  await Promise.all([runners.close(), execdClosed]);
  log.info({}, 'stopped');
}

/** The address of a pod that has no network to itself comes first, as on embedded clusters. */
function proxyHosts({ execdListenAddr }: ExecutorSettings): readonly string[] {
  const host = execdListenAddr?.host ?? '';
  return ['', '0.0.0.0', '::', '127.0.0.1'].includes(host) ? ['127.0.0.1'] : [host, '127.0.0.1'];
}

/** Undefined when commands and files are not served; a port that is taken, as by an execd of the main container, keeps no tasks from running. */
async function listenForCommands(execd: ExecdListener, { execdListenAddr }: ExecutorSettings, log: Log): Promise<number | undefined> {
  try {
    return execdListenAddr && (await execd.listen(execdListenAddr));
  } catch (error) {
    log.error({ host: execdListenAddr?.host, port: execdListenAddr?.port, err: error }, 'commands and files are not served');
    return undefined;
  }
}

async function loadAuthorizer(
  { authPublicKey, authPublicKeyFile, authAudience, podUid }: ExecutorSettings,
  dataDir: string,
): Promise<RequestAuthorizer | undefined> {
  if (authPublicKey === undefined && authPublicKeyFile === undefined) {
    return undefined;
  }
  const source = authPublicKey === undefined ? `--auth-public-key-file: '${authPublicKeyFile}'` : EnvVar.authPublicKey;
  try {
    const keys = await readVerifyKeys(authPublicKey ?? (await readFile(authPublicKeyFile ?? '', 'utf8')));
    return new RequestAuthorizer(keys, authAudience ?? podUid ?? '', systemClock, new UsedTokens(join(dataDir, USED_TOKENS_FILE)));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`executor: ${source}: expected Ed25519 public keys: ${why}`, { cause: error });
  }
}

/** Variables that are ours: settings, and marks of a process that runs an executor or a task. POD_UID says something about the pod. */
const OWN_VARIABLES: ReadonlySet<string> = new Set([
  ...Object.values(executorSettings.table).flatMap((setting) => ('env' in setting && setting.env !== EnvVar.podUid ? [setting.env] : [])),
  EnvVar.mainContainer,
  EnvVar.taskId,
  OWNS_CONTAINER,
  INIT_PID,
]);

/** Environment that every task starts from. */
function baseEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined || OWN_VARIABLES.has(name) ? [] : [[name, value]])));
}

/** A runner is a Node program of ours: what a sandbox wants of Node is meant for its tasks. */
const withoutNodeSettings = (env: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('NODE_')));
