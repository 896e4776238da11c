import type { ExecdEventError } from '../../../src/schema/execd-api';
import type { CommandSink } from '../commands/command';

/** What a piece of code has come to. */
export interface CodeOutcome {
  /** Text of the value of its last expression; absent when there is none. */
  readonly result?: string;
  /** Absent when all went well. */
  readonly error?: ExecdEventError;
}

/** A piece of code that an interpreter runs. */
export class CodeRun {
  readonly ended: Promise<CodeOutcome>;
  private hasBegun = false;
  private sendInterrupt?: () => void;
  private settle: (outcome: CodeOutcome) => void = () => {};

  /** @param sink takes what it writes */
  constructor(readonly sink: CommandSink) {
    this.ended = new Promise((resolve) => (this.settle = resolve));
  }

  /** An interrupt meets it from now on. Told again when one that came before may have been lost. */
  begin(): void {
    this.hasBegun = true;
    this.sendInterrupt?.();
  }

  /** Has it interrupted by `send` when an interrupt meets it, and again where that may be lost. */
  interrupt(send: () => void): void {
    this.sendInterrupt = send;
    if (this.hasBegun) {
      send();
    }
  }

  end(outcome: CodeOutcome): void {
    this.sendInterrupt = undefined;
    this.settle(outcome);
  }
}
