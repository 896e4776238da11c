import { constants as fsConstants, openSync, writeFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as osConstants } from 'node:os';
import { LONGEST_TIMER_MS } from '../../src/program/clock';
import type { TerminatedReason } from '../../src/schema/executor-api';
import { EnvVar } from '../../src/schema/names';
import { writeAtomicSync } from './atomic-file';
import { systemDisk } from './disk';
import { endTree } from './end-processes';
import { closeForeignDescriptors } from './foreign-descriptors';
import { type MainProcess, openMainProcess } from './main-process';
import { OutputPipe } from './output-pipe';
import { identifyProcess, type TaskTree } from './process';
import type { ExitRecord, ProcessRecord } from './records';
import { GATE_FD, type MainContainerOrder, READY, RECORD_VERSION, RecordFile, type RunOrder, RunnerEvent } from './runner-protocol';
import { codeOf, spawnInMain, spawnOnHost, type StartFailure, type TaskProcess } from './task-process';

/**
 * The runner: one process that is the direct parent of one task. It holds the task's pipes, keeps its time limit, ends it on SIGTERM,
 * and records how it ended. It loads little, since every task pays for its start.
 */
export async function runTask(): Promise<void> {
  closeForeignDescriptors(GATE_FD);
  const runner = new TaskRunner();
  process.on('SIGTERM', () => runner.stop());
  process.on('SIGHUP', () => undefined);
  const order = await receiveOrder();
  if (order !== undefined) {
    await runner.run(order);
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

/** Pause between two looks for it, in ms: nothing tells a process without CAP_NET_ADMIN that another one has started. */
const LOOK_FOR_MAIN_EVERY_MS = 100;

/**
 * One task, from start to result.
 *
 *   starting ──spawned──> running ──exit──────────────────────────────> recorded
 *    │    │                  └──limit or SIGTERM──> stopping ──all gone──> recorded
 *    │    └──no main container──> looking ──it is there──> starting
 *    │                               └──60 s or SIGTERM──> recorded
 *    └──cannot start──> recorded
 *
 * The result is on disk before it is reported. A SIGTERM after the result ends what the task left behind. After a stop the runner ends
 * even when a process that hid from it holds the task's output.
 */
class TaskRunner {
  private readonly outputs: readonly [stdout: OutputPipe, stderr: OutputPipe] = [new OutputPipe('stdout'), new OutputPipe('stderr')];
  /** For reading too: opening a FIFO for writing alone would wait for a server, and the one that started us may have ended. */
  private readonly eventsFd = openSync(RecordFile.events, fsConstants.O_RDWR | fsConstants.O_NONBLOCK);
  private running?: { readonly order: RunOrder; readonly tree: TaskTree; readonly exited: Promise<void> };
  private cancelLimit = () => {};
  private stopReason?: 'TaskTimeout' | 'Stopped';
  private stopping?: Promise<string>;
  /** Why the main container that is there could not be opened at the last look. */
  private mainProblem?: string;
  /** Ends the wait for the main container. */
  private wake = () => {};

  async run(order: RunOrder): Promise<void> {
    const { mainContainer } = order;
    const main = mainContainer && (await this.waitForMain(mainContainer));
    if (main !== undefined) {
      this.start(order, spawnInMain(order, main, this.outputs)); // in the turn of the event loop that found it: no signal comes between
    } else if (this.stopReason !== undefined) {
      this.recordUnstarted(order, 'Stopped', { exitCode: 143, message: 'stopped before it was started' });
    } else if (mainContainer === undefined) {
      this.start(order, spawnOnHost(order, this.outputs));
    } else {
      const expected = `expected a process with ${EnvVar.mainContainer}=${mainContainer.name} within ${mainContainer.waitSeconds} s`;
      const got = this.mainProblem === undefined ? 'none; it needs that variable, and its pod shareProcessNamespace' : `one that cannot be opened: ${this.mainProblem}`;
      const message = `main container: ${expected}, got ${got}`;
      this.recordUnstarted(order, 'StartFailed', { exitCode: 126, message });
    }
  }

  stop(reason: 'TaskTimeout' | 'Stopped' = 'Stopped'): void {
    this.stopReason ??= reason;
    this.wake();
    if (this.running === undefined || this.stopping !== undefined) {
      return;
    }
    const { tree, order, exited } = this.running;
    const begunAt = performance.now();
    this.stopping = endTree(tree, order.stopGraceSeconds * 1000, exited).then((killed) => {
      this.outputs.forEach((output) => output.close());
      return `stopped by ${killed ? `SIGKILL ${Math.round((performance.now() - begunAt) / 1000)} s after SIGTERM` : 'SIGTERM'}`;
    });
  }

  /** Undefined when there is none in time, or when the task is to stop. */
  private async waitForMain({ waitSeconds, ...container }: MainContainerOrder): Promise<MainProcess | undefined> {
    const giveUpAt = performance.now() + waitSeconds * 1000;
    for (let looks = 0; this.stopReason === undefined && performance.now() < giveUpAt; looks += 1) {
      const main = this.lookForMain(container);
      if (main !== undefined) {
        return main;
      }
      if (looks === 0) {
        writeFileSync(RecordFile.mainMissing, '');
        this.report(RunnerEvent.mainMissing);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_FOR_MAIN_EVERY_MS);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return undefined;
  }

  private lookForMain(container: Omit<MainContainerOrder, 'waitSeconds'>): MainProcess | undefined {
    this.mainProblem = undefined;
    try {
      return openMainProcess(container);
    } catch (error) {
      this.mainProblem = codeOf(error);
      return undefined;
    }
  }

  private start(order: RunOrder, task: TaskProcess): void {
    if (task.child === undefined) {
      void task.failure.then((failure) => this.recordUnstarted(order, 'StartFailed', failure));
    } else {
      this.watch(order, task);
    }
  }

  private watch(order: RunOrder, { child, pid, failure }: Extract<TaskProcess, { readonly pid: number }>): void {
    const startedAt = new Date();
    // Before the next turn of the event loop the child cannot have been reaped, so its entry in /proc is there.
    const leader = identifyProcess(pid);
    this.outputs.forEach((output) => output.follow(order.logMaxBytes));
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    this.running = { order, tree: { taskId: order.taskId, leader }, exited };
    child.once('exit', (code, signal) => void this.recordExit(order, failure, startedAt, code, signal));
    if (order.timeoutSeconds !== undefined) {
      this.cancelLimit = setLimit(order.timeoutSeconds * 1000, () => this.stop('TaskTimeout'));
    }
    void failure.then((problem) => {
      if (leader !== undefined && problem === undefined) {
        const record: ProcessRecord = { version: RECORD_VERSION, leader, startedAt: startedAt.toISOString() };
        writeAtomicSync(systemDisk, `./${RecordFile.process}`, JSON.stringify(record));
        this.report(RunnerEvent.started);
      }
    });
  }

  private async recordExit(
    order: RunOrder,
    failure: Promise<StartFailure | undefined>,
    startedAt: Date,
    code: number | null,
    signal: NodeJS.Signals | null,
  ): Promise<void> {
    this.cancelLimit();
    const finishedAt = new Date(Math.max(Date.now(), startedAt.getTime())); // a clock that is set back ends no task before its start
    const reasonOfStop = this.stopReason;
    const startFailure = await failure;
    if (startFailure !== undefined && reasonOfStop === undefined) {
      this.recordUnstarted(order, 'StartFailed', startFailure);
      return;
    }
    const howStopped = reasonOfStop === undefined ? undefined : await this.stopping;
    this.outputs.forEach((output) => output.drain());
    const signalNumber = signal === null ? undefined : osConstants.signals[signal];
    const exitCode = signalNumber === undefined ? (code ?? 255) : 128 + signalNumber;
    const reason: TerminatedReason = reasonOfStop ?? (exitCode === 0 ? 'Succeeded' : 'Failed');
    this.record({
      version: RECORD_VERSION,
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

  private recordUnstarted(order: RunOrder, reason: TerminatedReason, { exitCode, message }: Pick<ExitRecord, 'exitCode' | 'message'>): void {
    this.outputs.forEach((output) => output.follow(order.logMaxBytes));
    this.record({ version: RECORD_VERSION, id: order.taskId, exitCode, reason, message, finishedAt: new Date().toISOString() });
  }

  /** An error here ends the runner without a record, which the server reports as ProcessCrashed. */
  private record(exit: ExitRecord): void {
    writeAtomicSync(systemDisk, `./${RecordFile.exit}`, JSON.stringify(exit));
    this.report(RunnerEvent.exited);
  }

  /** A server that comes later reads the files, and these few bytes after them. */
  private report(event: string): void {
    writeSync(this.eventsFd, event);
  }
}

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
