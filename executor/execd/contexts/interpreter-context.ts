import { randomBytes } from 'node:crypto';
import type { RunOrder } from '../commands/runner';
import { EventStream } from '../commands/event-stream';
import { StreamOutput } from '../commands/stream-output';
import type { Call } from '../calls';
import { Turns } from '../turns';
import { type CodeContext, contextGone, goesOn } from './code-context';
import { Interpreter, type InterpreterOptions } from './interpreter';
import type { InterpretedLanguage } from './languages';

/** A context that is an interpreter. */
export class InterpreterContext implements CodeContext {
  readonly id = randomBytes(16).toString('hex');
  readonly gone: Promise<string>;
  private readonly turns = new Turns();
  private why?: string;
  private count = 0;

  private constructor(
    readonly language: InterpretedLanguage,
    private readonly interpreter: Interpreter,
    private readonly options: InterpreterOptions,
  ) {
    this.gone = interpreter.ended.then(({ exitCode }) => (this.why ??= `has lost its interpreter, which ended with exit code ${exitCode}`));
  }

  /** @throws Refusal, as {@link Interpreter.start} does */
  static async start(language: InterpretedLanguage, place: RunOrder['place'], options: InterpreterOptions): Promise<InterpreterContext> {
    return new InterpreterContext(language, await Interpreter.start(language, place, options), options);
  }

  run(call: Call, code: string): Promise<void> {
    return this.turns.take(() => this.runNow(call, code));
  }

  async interrupt(): Promise<void> {
    if (!(await this.interpreter.interrupt())) {
      throw goesOn(this.id);
    }
  }

  async end(): Promise<void> {
    this.why ??= 'was deleted';
    await this.interpreter.stop();
  }

  private async runNow({ response }: Call, code: string): Promise<void> {
    if (this.why !== undefined) {
      throw contextGone(this.id, this.why);
    }
    if (response.destroyed) {
      return; // nobody waits for it any more
    }
    const { clock } = this.options;
    const stream = new EventStream(response, clock);
    const output = new StreamOutput(stream);
    const beganMs = clock.monotonicMs();
    this.count += 1;
    stream.begin(this.id);
    stream.tell({ type: 'execution_count', execution_count: this.count });
    const onDrain = () => this.interpreter.resume();
    const onClose = () => {
      onDrain(); // to nobody
      void this.interpreter.interrupt().then((isOver) => (isOver ? undefined : this.interpreter.stop())); // else nobody could use the context, and nobody would be told
    };
    response.on('drain', onDrain).once('close', onClose);
    const { result, error } = await this.interpreter.run(code, this.count, output);
    response.off('drain', onDrain).off('close', onClose);
    output.flush();
    if (result !== undefined) {
      stream.tell({ type: 'result', results: { 'text/plain': result, text: result } });
    }
    stream.tell({ type: 'status', text: error === undefined ? 'ok' : 'error' });
    if (error === undefined) {
      stream.complete(clock.monotonicMs() - beganMs);
    } else {
      stream.fail(error);
    }
  }
}
