import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants as fsConstants, openSync, readdirSync, readFileSync, readSync, statSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as osConstants } from 'node:os';
import type { TerminatedReason } from '../../src/schema/executor-api';
import { writeAtomicSync } from './atomic-file';
import { LogWriter } from './log-files';
import { endTree, identifyProcess, type ProcessIdentity, type TaskTree } from './process';
import type { ExitRecord, ProcessRecord } from './records';
import { GATE_FD, OUTPUT_FIFOS, READY, type RunOrder, RunnerEvent } from './runner-protocol';

/**
 * The runner: one process that is the direct parent of one task. It holds the task's pipes, keeps its time limit, ends it on SIGTERM,
 * and records how it ended. It loads little, since every task pays for its start.
 */
export async function runTask(): Promise<void> {
  closeForeignDescriptors();
  const runner = new TaskRunner();
  process.on('SIGTERM', () => runner.stop());
  process.on('SIGHUP', () => undefined);
  const order = await receiveOrder();
  if (order !== undefined) {
    runner.run(order);
  }
}

const CLOSE_ON_EXEC = 0o2000000;

/** Closes what came down from the executor's own parents: Node keeps only the low ones of it from the task (rule 28). */
function closeForeignDescriptors(): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number).filter((fd) => fd > GATE_FD)) {
    try {
      const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
      if ((Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) {
        closeSync(fd);
      }
    } catch {
      // The descriptor of the listing itself, closed by now.
    }
  }
}

/** Undefined when the server ended first. */
function receiveOrder(): Promise<RunOrder | undefined> {
  const gate = new Socket({ fd: GATE_FD, readable: true, writable: true });
  return new Promise((resolve) => {
    let text = '';
    gate.setEncoding('utf8');
    gate.on('data', (chunk: string) => {
      text += chunk;
      if (text.endsWith('\n')) {
        resolve(JSON.parse(text) as RunOrder); // our own server wrote it
        gate.destroy();
      }
    });
    gate.on('error', () => gate.destroy());
    gate.on('close', () => resolve(undefined));
    gate.write(READY);
  });
}

/** Bytes taken from a pipe at the task's end: the most that a pipe can hold, so that a writer left behind cannot keep us here. */
const LARGEST_PIPE_BYTES = 1024 * 1024;

/** The reading end of one FIFO, and the writing end until the task has it. */
class OutputPipe {
  private readonly readFd: number;
  readonly writeFd: number;
  private log?: LogWriter;
  private ended = false;

  constructor(private readonly stream: keyof typeof OUTPUT_FIFOS) {
    const path = OUTPUT_FIFOS[stream];
    this.readFd = openSync(path, fsConstants.O_RDONLY | fsConstants.O_NONBLOCK);
    this.writeFd = openSync(path, fsConstants.O_WRONLY);
    unlinkSync(path);
  }

  get lost(): string | undefined {
    return this.log?.lost;
  }

  /** Copies to the log until the last writer has closed; the task has the writing end now. */
  follow(maxBytes: number): void {
    closeSync(this.writeFd);
    const log = new LogWriter(this.stream, maxBytes);
    this.log = log;
    new Socket({ fd: this.readFd, readable: true, writable: false })
      .on('data', (chunk) => log.write(chunk))
      .on('error', () => undefined)
      .on('close', () => (this.ended = true));
  }

  /** Takes what the task wrote before it ended, so that its output is complete when its result shows. */
  drain(): void {
    const chunk = Buffer.alloc(65536);
    try {
      for (let taken = 0, bytes = -1; bytes !== 0 && taken < LARGEST_PIPE_BYTES && !this.ended; taken += bytes) {
        bytes = readSync(this.readFd, chunk);
        this.log?.write(chunk.subarray(0, bytes));
      }
    } catch {
      // EAGAIN: empty, but a process that the task left behind still holds it.
    }
  }
}

/**
 * One task, from start to result.
 *
 *   starting ──spawned──> running ──exit──────────────────────────────> recorded
 *       │                    └──limit or SIGTERM──> stopping ──all gone──> recorded
 *       └──cannot start──> recorded
 *
 * The result is on disk before it is reported. A SIGTERM after the result ends what the task left behind.
 */
class TaskRunner {
  private readonly outputs = [new OutputPipe('stdout'), new OutputPipe('stderr')] as const;
  /** For reading too: opening a FIFO for writing alone would wait for a server, and the one that started us may have ended. */
  private readonly eventsFd = openSync('events', fsConstants.O_RDWR | fsConstants.O_NONBLOCK);
  private running?: { readonly child: ChildProcess; readonly order: RunOrder; readonly tree: TaskTree; readonly startedAt: Date; readonly exited: Promise<void> };
  private cancelLimit = () => {};
  private stopReason?: 'TaskTimeout' | 'Stopped';
  private stopping?: Promise<string>;

  run(order: RunOrder): void {
    if (this.stopReason !== undefined) {
      this.recordUnstarted(order, 143, 'Stopped', 'stopped before it was started');
      return;
    }
    const problem = problemOfDirectory(order.workingDir);
    if (problem !== undefined) {
      this.recordUnstarted(order, 126, 'StartFailed', problem);
      return;
    }
    const onError = (error: unknown) =>
      this.recordUnstarted(order, codeOf(error) === 'ENOENT' ? 127 : 126, 'StartFailed', startMessage(order, codeOf(error)));
    try {
      const child = withOomScore(TASK_OOM_SCORE, () => this.spawnTask(order));
      if (child.pid === undefined) {
        child.once('error', onError);
      } else {
        // Before the next turn of the event loop the child cannot have been reaped, so its entry in /proc is there.
        this.watch(order, child, new Date(), identifyProcess(child.pid));
      }
    } catch (error) {
      onError(error); // Node throws the rarer errors of spawn, such as E2BIG, and emits the common ones.
    }
  }

  stop(reason: 'TaskTimeout' | 'Stopped' = 'Stopped'): void {
    this.stopReason ??= reason;
    if (this.running === undefined || this.stopping !== undefined) {
      return;
    }
    const { tree, order, exited } = this.running;
    const begunAt = performance.now();
    this.stopping = endTree(tree, order.stopGraceSeconds * 1000, exited).then(
      (killed) => `stopped by ${killed ? `SIGKILL ${Math.round((performance.now() - begunAt) / 1000)} s after SIGTERM` : 'SIGTERM'}`,
    );
  }

  private spawnTask(order: RunOrder): ChildProcess {
    return spawn(order.argv[0] ?? '', order.argv.slice(1), {
      cwd: order.workingDir,
      env: order.env,
      detached: true,
      stdio: ['ignore', this.outputs[0].writeFd, this.outputs[1].writeFd],
    });
  }

  private watch(order: RunOrder, child: ChildProcess, startedAt: Date, leader: ProcessIdentity | undefined): void {
    this.outputs.forEach((output) => output.follow(order.logMaxBytes));
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    this.running = { child, order, tree: { taskId: order.taskId, leader }, startedAt, exited };
    child.once('exit', (code, signal) => void this.recordExit(order, startedAt, code, signal));
    if (order.timeoutSeconds !== undefined) {
      this.cancelLimit = setLimit(order.timeoutSeconds * 1000, () => this.stop('TaskTimeout'));
    }
    if (leader !== undefined) {
      const record: ProcessRecord = { version: 1, leader, startedAt: startedAt.toISOString() };
      writeAtomicSync('./process.json', JSON.stringify(record));
      this.report(RunnerEvent.started);
    }
  }

  private async recordExit(order: RunOrder, startedAt: Date, code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    this.cancelLimit();
    const finishedAt = new Date();
    const reasonOfStop = this.stopReason;
    const howStopped = reasonOfStop === undefined ? undefined : await this.stopping;
    this.outputs.forEach((output) => output.drain());
    const signalNumber = signal === null ? undefined : osConstants.signals[signal];
    const exitCode = signalNumber === undefined ? (code ?? 255) : 128 + signalNumber;
    const reason: TerminatedReason = reasonOfStop ?? (exitCode === 0 ? 'Succeeded' : 'Failed');
    this.record({
      version: 1,
      id: order.taskId,
      // An end that we asked for is no success, whatever the program makes of SIGTERM.
      exitCode: reasonOfStop !== undefined && exitCode === 0 ? 128 + osConstants.signals.SIGTERM : exitCode,
      signal: signalNumber,
      reason,
      message: this.messageOf(order, reason, howStopped),
      startedAt: startedAt.toISOString(),
      finishedAt: finishedAt.toISOString(),
    });
  }

  private messageOf({ timeoutSeconds }: RunOrder, reason: TerminatedReason, howStopped: string | undefined): string | undefined {
    const why = reason === 'TaskTimeout' ? `timed out after ${timeoutSeconds ?? 0} s (timeoutSeconds), ${howStopped ?? ''}` : howStopped;
    const parts = [why, ...this.outputs.map((output) => output.lost)].filter((part) => part !== undefined);
    return parts.length === 0 ? undefined : parts.join('; ');
  }

  private recordUnstarted(order: RunOrder, exitCode: number, reason: TerminatedReason, message: string): void {
    this.outputs.forEach((output) => output.follow(order.logMaxBytes));
    this.record({ version: 1, id: order.taskId, exitCode, reason, message, finishedAt: new Date().toISOString() });
  }

  /** An error here ends the runner without a record, which the server reports as ProcessCrashed. */
  private record(exit: ExitRecord): void {
    writeAtomicSync('./exit.json', JSON.stringify(exit));
    this.report(RunnerEvent.exited);
  }

  /** A server that comes later reads the files, and these few bytes after them. */
  private report(event: string): void {
    writeSync(this.eventsFd, event);
  }
}

/** Highest there is: under memory pressure the kernel takes tasks before the executor (rule 28). */
const TASK_OOM_SCORE = '1000';

/** Spawned processes inherit the score; we go back to our own at once, as every process may. */
function withOomScore<T>(score: string, spawnChild: () => T): T {
  const own = readFileSync('/proc/self/oom_score_adj', 'utf8').trim();
  writeFileSync('/proc/self/oom_score_adj', score);
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

function startMessage({ argv }: RunOrder, code: string): string {
  const why: Readonly<Record<string, string>> = {
    ENOENT: 'which does not exist, or its interpreter does not',
    EACCES: 'which may not be executed',
  };
  return `command: expected an executable program, got '${(argv[0] ?? '').slice(0, 200)}', ${why[code] ?? `which cannot be started: ${code}`}`;
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error));

/** Longest delay of a timer of Node, in ms; a longer one fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls back after `ms` of the monotonic clock, of any length. */
function setLimit(ms: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout;
  const endAt = performance.now() + ms;
  const arm = () => {
    const leftMs = endAt - performance.now();
    timer = setTimeout(leftMs > LONGEST_TIMER_MS ? arm : callback, Math.max(0, Math.min(leftMs, LONGEST_TIMER_MS)));
  };
  arm();
  return () => clearTimeout(timer);
}
