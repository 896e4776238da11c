import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../src/program/clock';
import { EnvVar } from '../../../src/schema/names';
import { badBody, Refusal } from '../refusal';
import type { CommandOrder, Sandbox } from '../sandbox';
import { Command, type CommandSink, StartError } from './command';
import type { OutputLog } from './output-log';
import type { PipeStock } from './pipes';
import { SHELLS } from './prepare';
import { type CommandRecord, CommandRegister } from './register';

/** What commands are run with. */
export interface CommandRunnerOptions {
  readonly sandbox: Sandbox;
  readonly pipes: PipeStock;
  readonly clock: Clock;
  /** Front of the mark that all processes of commands carry, as those of tasks do. */
  readonly scope: string;
}

/** A command to run. */
export interface RunOrder {
  /** As people asked for it. */
  readonly content: string;
  /** Argument vectors, of which the first runs whose program there is. */
  readonly argvs: readonly (readonly string[])[];
  readonly place: Pick<CommandOrder, 'env' | 'workingDir' | 'user' | 'isWholeEnv' | 'inputFd'>;
  readonly timeoutMs: number;
  readonly log?: OutputLog;
  /** @see CommandStart.takeMore */
  readonly takeMore?: (piece: Buffer) => void;
}

/** Starts commands, and knows them. */
export class CommandRunner {
  readonly register: CommandRegister;
  private isClosed = false;
  /** The one that ran last: looking for one that is not there costs as much as a command. */
  private lastShell: string = SHELLS[0];

  constructor(private readonly options: CommandRunnerOptions) {
    this.register = new CommandRegister(options.clock);
  }

  /**
   * Starts a command, and returns when its program runs; of one that cannot be started, the record says so.
   *
   * @param onRunning told of the command before any of its output is taken
   * @throws Refusal of status 400 for a directory that is none, 409 while all is being ended, 429 when too many run, 500 when the sandbox cannot be entered, 503 while there is none
   */
  async start({ content, argvs, place, timeoutMs, log, takeMore }: RunOrder, sink: CommandSink, onRunning: (id: string) => void): Promise<CommandRecord> {
    this.assertOpen();
    const id = randomBytes(16).toString('hex');
    const record = this.register.add(id, content, log);
    const taskId = `${this.options.scope}.${id}`;
    const order = { ...place, taskId, env: { ...place.env, [EnvVar.taskId]: taskId } };
    try {
      const note = (program: string) => {
        this.lastShell = SHELLS.find((shell) => shell === program) ?? this.lastShell;
        onRunning(id);
      };
      const command = await Command.start({ ...this.options, order, argvs, timeoutMs, sink, takeMore, onRunning: note });
      record.command = command;
      void command.ended.then((end) => this.register.finish(record, end));
      if (this.isClosed) {
        void command.stop();
      }
    } catch (error) {
      this.settleUnstarted(record, error);
      onRunning(id);
    }
    return record;
  }

  /** Argument vectors for a shell, of which the first runs whose program there is. */
  shellVectors(toVector: (shell: string) => readonly string[]): readonly (readonly string[])[] {
    return [this.lastShell, ...SHELLS.filter((shell) => shell !== this.lastShell)].map(toVector);
  }

  /** Ends all commands. Nothing is started until {@link open}. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.register.running().map(({ command }) => command?.stop()));
    this.register.clear();
  }

  /** Commands may be started again. */
  open(): void {
    this.isClosed = false;
  }

  /** @throws Refusal of that status while all is being ended */
  assertOpen(status = 409): void {
    if (this.isClosed) {
      throw new Refusal(status, 'RUNTIME_ERROR', 'sandbox: expected to go on, got a reset or its end');
    }
  }

  private settleUnstarted(record: CommandRecord, error: unknown): void {
    if (error instanceof StartError && error.failure.subject === 'command') {
      const { exitCode, message } = error.failure;
      this.register.finish(record, { exitCode, startProblem: message, isTimeout: false, elapsedMs: 0 });
      return;
    }
    this.register.drop(record);
    if (!(error instanceof StartError)) {
      throw error;
    }
    throw error.failure.subject === 'workingDir'
      ? badBody({ path: 'cwd', expected: 'a directory', got: error.message.slice(0, 1000) })
      : new Refusal(500, 'RUNTIME_ERROR', error.message);
  }
}
