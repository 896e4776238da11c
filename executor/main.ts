import { END_TASKS_SIGNAL } from './init';
import { RUNNER_MODE } from './tasks/runner-protocol';

const HELP = `Usage: sandbox-executor [flags]

Runs tasks in a sandbox: takes them by HTTP, runs each as a process group, keeps its result and its output. Serves the SDKs of OpenSandbox too.
Beside a sandbox it listens on port 5758 of the pod, and for commands and files on port 44772; to try it on a machine of your own:

  sandbox-executor --allow-unauthenticated --listen-addr=127.0.0.1:5758 --execd-listen-addr=127.0.0.1:44772 --data-dir=/tmp/tasks
  curl -d '[{"name":"hello","process":{"command":["echo","hello"]}}]' 127.0.0.1:5758/setTasks
  curl 127.0.0.1:5758/tasks/hello/logs
  curl -d '{"command":"echo hello"}' 127.0.0.1:44772/command

SIGTERM ends the server and not its tasks: the next server on the same data directory finds them again. In the image, the first
process starts the server again when that ends, and SIGTERM to it ends the tasks too.
Ends with 0 after SIGINT or SIGTERM, 1 when it cannot start, 2 when a flag is wrong.

Flags:
`;

/** Each mode loads only what it needs: a runner starts with every task. */
async function main(argv: readonly string[]): Promise<number | undefined> {
  if (argv[0] === RUNNER_MODE) {
    const { runTask } = await import('./tasks/run-task.js');
    await runTask();
    return undefined; // the task goes on
  }
  return serve(argv);
}

async function serve(argv: readonly string[]): Promise<number> {
  const { BAD_SETTINGS_EXIT_CODE, loadSettings, settingsHelp, settingsProblemText, wantsHelp, wantsVersion } = await import('../src/program/load-settings.js');
  const { readVersion } = await import('../src/program/version.js');
  const { executorSettings } = await import('../src/schema/executor-settings.js');
  if (wantsHelp(argv)) {
    process.stdout.write(HELP + settingsHelp(executorSettings));
    return 0;
  }
  if (wantsVersion(argv)) {
    process.stdout.write(`${readVersion(__dirname)}\n`);
    return 0;
  }
  const loaded = loadSettings(executorSettings, argv, process.env);
  if (!loaded.ok) {
    process.stderr.write(`${settingsProblemText(executorSettings, loaded.problems)}\n`);
    return BAD_SETTINGS_EXIT_CODE;
  }
  try {
    const { listenForStop } = await import('../src/program/shutdown.js');
    const { serveTasks } = await import('./serve.js');
    const endTasks = new AbortController();
    process.on(END_TASKS_SIGNAL, () => endTasks.abort());
    await serveTasks({
      settings: loaded.settings,
      version: readVersion(__dirname),
      runnerArgv: [process.execPath, __filename, RUNNER_MODE],
      env: process.env,
      workingDir: process.cwd(),
      stop: listenForStop().signal,
      endTasks: endTasks.signal,
    });
    return 0;
  } catch (error) {
    process.stderr.write(`${JSON.stringify({ level: 'fatal', msg: 'cannot start', error: error instanceof Error ? error.message : String(error) })}\n`);
    return 1;
  }
}

void main(process.argv.slice(2)).then((exitCode) => {
  if (exitCode !== undefined) {
    process.exit(exitCode);
  }
});
