import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { EnvVar } from '../../src/schema/names';
import { ENTER_SCRIPT, enterOrder, PERL, READY_TO_EXEC, TERMINAL_SCRIPT } from './enter-script';
import { type MainProcess, readCredentials } from './main-process';
import type { RunOrder } from './runner-protocol';

/** Why a task was not started; no program of it has run. */
export interface StartFailure {
  /** 127 when the program is missing, else 126, as shells have it. */
  readonly exitCode: 126 | 127;
  readonly message: string;
  /** What has failed; absent for what is none of both. */
  readonly subject?: 'command' | 'workingDir';
}

/** A process that is to become a task, head of a group and a session of its own; or why there is none. */
export type TaskProcess =
  | {
      readonly child: ChildProcess;
      readonly pid: number;
      /** Resolves when the program of the task runs, or with the reason why it does not. */
      readonly failure: Promise<StartFailure | undefined>;
    }
  | { readonly child?: undefined; readonly failure: Promise<StartFailure> };

/** The writing end of a pipe, until the task has it. */
export interface OutputEnd {
  readonly writeFd: number;
  /** Gives the pipe to a user, so that his programs can open /dev/stdout. */
  giveTo(uid: number, gid: number): void;
}

/** Where a task writes to. */
export type Outputs = readonly [stdout: OutputEnd, stderr: OutputEnd];

/** Descriptor of a third pipe, which few have: in the main container those below it are taken on the way there. */
export const MORE_FD = 6;

/** Descriptor of a pipe to read from beside standard input, which those have that have the third pipe and {@link ProcessOrder.inputFd}. */
export const INPUT_FD = 7;

/** What is to be started: a part of an order to a runner. */
export interface ProcessOrder extends Pick<RunOrder, 'taskId' | 'argv' | 'env' | 'workingDir'> {
  /** Descriptor of a terminal that it reads from, and that becomes its own; absent means that its input is empty. */
  readonly terminalFd?: number;
  /** Our descriptor of a pipe that it has at {@link INPUT_FD}; only together with a third pipe. */
  readonly inputFd?: number;
}

/** Whose root directory, user and environment a task gets. */
export type EnteredProcess = Omit<MainProcess, 'identity'>;

/** Stands for the descriptors between standard error and {@link MORE_FD}. */
const UNUSED = ['ignore', 'ignore', 'ignore'] as const;

/**
 * Starts a task beside the executor.
 *
 * @param more pipe at {@link MORE_FD}
 */
export function spawnOnHost({ argv, env, workingDir, terminalFd, inputFd }: ProcessOrder, [stdout, stderr]: Outputs, more?: OutputEnd): TaskProcess {
  const problem = problemOfDirectory(workingDir);
  if (problem !== undefined) {
    return { failure: Promise.resolve({ exitCode: 126, message: problem, subject: 'workingDir' }) };
  }
  const [file = '', ...args] = terminalFd === undefined ? argv : [PERL, '-e', TERMINAL_SCRIPT, ...argv];
  const stdio = [terminalFd ?? ('ignore' as const), stdout.writeFd, stderr.writeFd, ...(more === undefined ? [] : [...UNUSED, ...atMore(more, inputFd)])];
  return spawnTask(
    () => spawn(file, args, { cwd: workingDir, env, detached: true, stdio }),
    () => Promise.resolve(undefined),
    (error) => programFailure(argv, codeOf(error)),
  );
}

/**
 * Starts a task in the main container: with the files, the user, the groups and the environment of its main process, and without the
 * capabilities that it lacks. Closes the descriptors of `main`.
 *
 * @param more pipe at {@link MORE_FD}
 */
export function spawnInMain(order: ProcessOrder, main: EnteredProcess, [stdout, stderr]: Outputs, more?: OutputEnd): TaskProcess {
  const { uid, gid } = main.credentials;
  try {
    [stdout, stderr, more].forEach((output) => output?.giveTo(uid, gid));
    const message = enterOrderOf(order, main);
    const stdio = [order.terminalFd ?? 'ignore', stdout.writeFd, stderr.writeFd, 'pipe', main.rootFd, main.workingDirFd, ...(more === undefined ? [] : atMore(more, order.inputFd))] as const;
    // The id is in its environment from the first moment, so that it is found like all other processes of the task.
    const options = { cwd: '/', env: { [EnvVar.taskId]: order.taskId }, detached: true, stdio: [...stdio] };
    return spawnTask(
      () => spawn(PERL, ['-e', ENTER_SCRIPT], options),
      (child) => askToEnter(child, message).then((answer) => enterFailureOf(order, answer)),
      (error) => ({ exitCode: 126, message: `executor: expected ${PERL} to start, got ${codeOf(error)}; sidecar mode needs it` }),
    );
  } finally {
    closeSync(main.rootFd);
    closeSync(main.workingDirFd);
  }
}

/** Descriptors from {@link MORE_FD} on. */
const atMore = (more: OutputEnd, inputFd: number | undefined): readonly number[] => (inputFd === undefined ? [more.writeFd] : [more.writeFd, inputFd]);

/** Node emits the common errors of a start, such as ENOENT, and throws the rarer ones, such as E2BIG. */
function spawnTask(
  start: () => ChildProcess,
  follow: (child: ChildProcess) => Promise<StartFailure | undefined>,
  explain: (error: unknown) => StartFailure,
): TaskProcess {
  try {
    const child = withOomScore(start);
    const { pid } = child;
    return pid === undefined
      ? { failure: new Promise<unknown>((resolve) => child.once('error', resolve)).then(explain) }
      : { child, pid, failure: follow(child) };
  } catch (error) {
    return { failure: Promise.resolve(explain(error)) };
  }
}

function enterOrderOf({ argv, env, workingDir, terminalFd }: ProcessOrder, { credentials, env: mainEnv }: EnteredProcess): Buffer {
  const { uid, gid, groups, capabilities, noNewPrivileges } = credentials;
  return enterOrder({
    uid,
    gid,
    groups,
    noNewPrivileges,
    hasTerminal: terminalFd !== undefined,
    droppedCapabilities: bitsOf(readCredentials('self').capabilities & ~capabilities),
    workingDir: toBytes(workingDir),
    argv: argv.map(toBytes),
    env: { ...mainEnv, ...Object.fromEntries(Object.entries(env).map(([name, value]) => [toBytes(name), toBytes(value)])) },
  });
}

/** Sends the order, and resolves with the answer of the script: empty when the task runs. */
function askToEnter(child: ChildProcess, order: Buffer): Promise<string> {
  const socket = child.stdio[3];
  return new Promise((resolve) => {
    if (!(socket instanceof Socket)) {
      resolve('');
      return;
    }
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (answer += chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(answer));
    socket.end(order);
  });
}

function enterFailureOf({ argv, workingDir }: ProcessOrder, answer: string): StartFailure | undefined {
  if (answer === READY_TO_EXEC) {
    return undefined;
  }
  const [, step = '', number = ''] = /(\w+) (\d+)$/.exec(answer) ?? [];
  const code = number === '' ? 'its end' : getSystemErrorName(-Number(number));
  if (step === 'command') {
    return programFailure(argv, code);
  }
  return step === 'workingDir'
    ? { exitCode: 126, message: `workingDir: expected a directory, got '${workingDir}': ${code}`, subject: 'workingDir' }
    : { exitCode: 126, message: `main container: expected to enter it as its main process did: ${code}` };
}

function programFailure(argv: readonly string[], code: string): StartFailure {
  const why: Readonly<Record<string, string>> = {
    ENOENT: 'which does not exist, or its interpreter does not',
    EACCES: 'which may not be executed',
  };
  const message = `command: expected an executable program, got '${(argv[0] ?? '').slice(0, 200)}', ${why[code] ?? `which cannot be started: ${code}`}`;
  return { exitCode: code === 'ENOENT' ? 127 : 126, message, subject: 'command' };
}

/** Code of an error of the system; the error as text when it is none. */
export const codeOf = (error: unknown): string => (typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error));

const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Numbers of the bits that are set. */
const bitsOf = (mask: bigint): number[] => [...mask.toString(2)].reverse().flatMap((bit, index) => (bit === '1' ? [index] : []));

/** Highest there is: under memory pressure the kernel takes tasks before the executor (rule 28). */
const TASK_OOM_SCORE = '1000';

/** Spawned processes inherit the score; we go back to our own at once, as every process may. */
function withOomScore<T>(spawnChild: () => T): T {
  const own = readFileSync('/proc/self/oom_score_adj', 'utf8').trim();
  writeFileSync('/proc/self/oom_score_adj', TASK_OOM_SCORE);
  try {
    return spawnChild();
  } finally {
    writeFileSync('/proc/self/oom_score_adj', own);
  }
}

function problemOfDirectory(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : `workingDir: expected a directory, got '${path}', which is none`;
  } catch (error) {
    return `workingDir: expected a directory, got '${path}': ${error instanceof Error ? error.message : String(error)}`;
  }
}
