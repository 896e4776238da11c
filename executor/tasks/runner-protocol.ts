/**
 * How the server and a runner talk.
 *
 * The gate (descriptor {@link GATE_FD} of the runner) is a socket pair: the runner writes {@link READY} once it holds its pipes,
 * the server answers with one line, a {@link RunOrder}. A gate that ends before that line means that the server is gone, and the
 * runner ends without having run anything (rule 12). Afterwards the gate has no meaning, since the task outlives the server.
 *
 * From then on the runner reports through the FIFO `events` in its directory, and takes SIGTERM as "end the task". Both work for
 * any later server too. The runner's working directory is the task's directory, so that it follows when that is renamed.
 */
export const GATE_FD = 3;

/** Line that a runner sends when it can take an order. */
export const READY = 'ready\n';

/**
 * The files of a task's directory.
 *
 *   task.json      what to run and who runs it; written by the server before the task is released
 *   process.json   the running task; written by the runner
 *   exit.json      the result; written by the runner, or by the server when the runner was lost
 *   main-missing   empty; written by the runner when it could not start the task at once because the main container is not there
 *   events         FIFO: the runner says that a file is new, and its end says that the runner has ended
 *   stdout.<n>.log, stderr.<n>.log   output from byte n on, see log-files.ts
 */
export const RecordFile = { task: 'task.json', process: 'process.json', exit: 'exit.json', mainMissing: 'main-missing', events: 'events' } as const;

/** Version of the records; another one is not read. */
export const RECORD_VERSION = 1;

/** FIFOs that a runner finds in its directory; it unlinks them after opening, and the task gets their other ends. */
export const OUTPUT_FIFOS = { stdout: 'stdout', stderr: 'stderr' } as const;

/** Bytes that a runner writes to `events`: a file of that kind is new. */
export const RunnerEvent = { started: 's', exited: 'x', mainMissing: 'm' } as const;

/** First argument of the program that makes it a runner; not for people. */
export const RUNNER_MODE = 'run-task';

/** What to start, and how; only the main process of a container is for the runner to find, at the moment of the start. */
export interface RunOrder {
  readonly taskId: string;
  /** Argument vector; the first is the program, looked up in PATH of `env`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Absolute; with `mainContainer` also relative to the main process's directory, and empty for that one itself. */
  readonly workingDir: string;
  /** Container to run in, whose environment comes below `env`; absent means beside the executor, and `env` is all. */
  readonly mainContainer?: MainContainerOrder;
  /** Limit on run time in seconds; absent means none. */
  readonly timeoutSeconds?: number;
  /** Time between SIGTERM and SIGKILL, in seconds. */
  readonly stopGraceSeconds: number;
  /** Most bytes kept on disk of each output stream. */
  readonly logMaxBytes: number;
}

/** The container to run in. */
export interface MainContainerOrder {
  /** As its processes have it in SANDBOX_MAIN_CONTAINER. */
  readonly name: string;
  /** Whether no process of our own cgroup is one of it: they were all started by the executor or its tasks. */
  readonly isInOtherCgroup: boolean;
  /** Longest wait for it, in seconds. */
  readonly waitSeconds: number;
}
