import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Clock } from '../../../src/program/clock';
import type { Command, CommandEnd, CommandSink } from '../commands/command';
import { openInput, type PipeStock } from '../commands/pipes';
import type { CommandRunner, RunOrder } from '../commands/runner';
import { Refusal } from '../refusal';
import { type Answer, AnswerReader } from './answers';
import { type CodeOutcome, CodeRun } from './code-run';
import { INTERPRETERS, type InterpretedLanguage, withoutInterpreter } from './languages';

/** Longest wait for an interpreter that starts, in ms: it is for a slow machine, and what waits longer waits for ever. */
const START_LIMIT_MS = 60_000;
/** How long code has to end by an interrupt, in ms: less than SDKs wait for an answer, which is 30 s. */
const INTERRUPT_LIMIT_MS = 10_000;
/** Characters that are kept of what an interpreter says before it is ready. */
const MOST_FIRST_WORDS = 2_000;

/** What interpreters are started with. */
export interface InterpreterOptions {
  readonly runner: CommandRunner;
  readonly pipes: PipeStock;
  readonly clock: Clock;
}

/**
 * An interpreter with a driver of ours in it: a command that gets code by one pipe, answers by another, and keeps what the code has defined.
 *
 *   starting ──ready──> idle ──run──> running ──begun──> running, and can be interrupted ──done──> idle
 *      └─────────────────┴──────────────┴──────────────────────┴──────end of its process──────────> ended
 */
export class Interpreter implements CommandSink {
  /** Resolves when its process has ended, and no run goes on. */
  readonly ended: Promise<CommandEnd>;
  private readonly answers = new AnswerReader();
  private readonly ready: Promise<void>;
  private settleReady = () => {};
  private settleEnded: (end: CommandEnd) => void = () => {};
  /** What it has said; undefined once it is ready. */
  private firstWords?: string = '';
  private command?: Command;
  private current?: CodeRun;
  private end?: CommandEnd;

  private constructor(
    private readonly input: Socket,
    private readonly clock: Clock,
  ) {
    this.ready = new Promise((resolve) => (this.settleReady = resolve));
    this.ended = new Promise((resolve) => (this.settleEnded = resolve));
  }

  /**
   * Starts an interpreter, and returns when it is ready.
   *
   * @throws Refusal of status 501 when the sandbox has none, 500 for one that does not start, and those of {@link CommandRunner.start}
   */
  static async start(language: InterpretedLanguage, place: RunOrder['place'], { runner, pipes, clock }: InterpreterOptions): Promise<Interpreter> {
    const { programs, args } = INTERPRETERS[language];
    const { readFd, writer } = await openInput(pipes);
    try {
      const interpreter = new Interpreter(writer, clock);
      const order = {
        content: `code context: ${language}`,
        argvs: programs.map((program) => [program, ...args]),
        place: { ...place, inputFd: readFd },
        timeoutMs: 0,
        takeMore: (piece: Buffer) => interpreter.takeAnswers(piece),
      };
      const { command, finished } = await runner.start(order, interpreter, () => undefined);
      if (command === undefined) {
        throw finished?.end.exitCode === 127 ? withoutInterpreter(language) : new Refusal(500, 'RUNTIME_ERROR', finished?.end.startProblem ?? `${language}: expected to start`);
      }
      await interpreter.follow(command, language);
      return interpreter;
    } catch (error) {
      writer.destroy();
      throw error;
    } finally {
      closeSync(readFd);
    }
  }

  /**
   * Runs code to its end. One run at a time; what is written between two of them belongs to none, and is thrown away.
   *
   * @param count which run of its context it is; names the code in tracebacks
   */
  async run(code: string, count: number, sink: CommandSink): Promise<CodeOutcome> {
    if (this.end !== undefined) {
      return exited(this.end);
    }
    this.command?.drain();
    const run = new CodeRun(sink, this.clock);
    this.current = run;
    this.input.write(`${JSON.stringify({ code, count })}\n`);
    const outcome = await run.ended;
    this.current = undefined;
    this.resume();
    return outcome;
  }

  /** Interrupts the code that runs by SIGINT. @returns whether none of it runs any more; false when it goes on for all that */
  async interrupt(): Promise<boolean> {
    const run = this.current;
    if (run === undefined) {
      return true;
    }
    run.interrupt(() => this.command?.interrupt());
    const over = new AbortController();
    const isOver = await Promise.race([run.ended.then(() => true), this.clock.sleep(INTERRUPT_LIMIT_MS, over.signal).then(() => false)]);
    over.abort();
    return isOver;
  }

  /** Reads output on after the sink has had enough. */
  resume(): void {
    this.command?.resume();
  }

  /** Ends it with all processes that it has started, as a command is ended. */
  async stop(): Promise<void> {
    await this.command?.stop();
    await this.ended;
  }

  take(stream: 'stdout' | 'stderr', piece: Buffer): boolean {
    if (this.firstWords !== undefined && this.firstWords.length < MOST_FIRST_WORDS) {
      this.firstWords += piece.toString();
    }
    return this.current?.sink.take(stream, piece) ?? true;
  }

  private async follow(command: Command, language: InterpretedLanguage): Promise<void> {
    this.command = command;
    void command.ended.then((end) => this.finish(end));
    const cancelLimit = this.clock.setTimer(START_LIMIT_MS, () => void command.stop());
    const end = await Promise.race([this.ready, command.ended]);
    cancelLimit();
    if (end !== undefined) {
      const said = (this.firstWords ?? '').trim().slice(0, MOST_FIRST_WORDS);
      throw new Refusal(500, 'RUNTIME_ERROR', `${language}: expected an interpreter that starts, got its end with exit code ${end.exitCode}${said === '' ? '' : `: ${said}`}`);
    }
    this.firstWords = undefined;
  }

  private takeAnswers(piece: Buffer): void {
    const answers = this.answers.take(piece);
    if (answers === undefined) {
      void this.command?.stop(); // its code has written to our pipe: what it will say means nothing
      return;
    }
    answers.forEach((answer) => this.handle(answer));
  }

  private handle(answer: Answer): void {
    switch (answer.type) {
      case 'ready':
        this.settleReady();
        return;
      case 'begun':
        this.current?.begin(answer.isUnsettled === true);
        return;
      case 'done':
        this.command?.drain(); // what the code has written came before its end
        this.current?.end({ result: answer.result, error: answer.error });
        return;
    }
  }

  private finish(end: CommandEnd): void {
    this.end = end;
    this.input.destroy();
    this.current?.end(exited(end));
    this.settleEnded(end);
  }
}

/** The code of a run has ended the interpreter, or somebody else has. */
const exited = ({ exitCode }: CommandEnd): CodeOutcome => ({
  error: { ename: 'InterpreterExited', evalue: String(exitCode), traceback: [`the interpreter has ended with exit code ${exitCode}, and its context with it`] },
});
