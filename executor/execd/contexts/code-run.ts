import type { Clock } from '../../../src/program/clock';
import type { ExecdEventError } from '../../../src/schema/execd-api';
import type { CommandSink } from '../commands/command';

/** What a piece of code has come to. */
export interface CodeOutcome {
  /** Text of the value of its last expression; absent when there is none. */
  readonly result?: string;
  /** Absent when all went well. */
  readonly error?: ExecdEventError;
}

/** How long an interrupt waits for code that has just begun, in ms: longer than code takes that does not compute. */
export const SETTLE_MS = 100;

/**
 * A piece of code that an interpreter runs, and where an interrupt meets it:
 *
 *   sent ──begun, for the time being──> unsettled ──begun──> begun ──> ended
 *     └─────────────────────────begun────────────────────────^
 */
export class CodeRun {
  readonly ended: Promise<CodeOutcome>;
  private state: 'sent' | 'unsettled' | 'begun' = 'sent';
  private sendInterrupt?: () => void;
  private cancelWait = () => {};
  private settle: (outcome: CodeOutcome) => void = () => {};

  /** @param sink takes what it writes */
  constructor(
    readonly sink: CommandSink,
    private readonly clock: Clock,
  ) {
    this.ended = new Promise((resolve) => (this.settle = resolve));
  }

  /**
   * An interrupt meets it from now on.
   *
   * @param isUnsettled when that changes soon, and an interrupt at that very moment would end its interpreter; one that came before it may be lost
   */
  begin(isUnsettled: boolean): void {
    this.state = isUnsettled ? 'unsettled' : 'begun';
    this.tryInterrupt();
  }

  /** Has it interrupted by `send`, as soon as that meets it. */
  interrupt(send: () => void): void {
    this.sendInterrupt = send;
    this.tryInterrupt();
  }

  end(outcome: CodeOutcome): void {
    this.cancelWait();
    this.sendInterrupt = undefined;
    this.settle(outcome);
  }

  private tryInterrupt(): void {
    this.cancelWait();
    const { sendInterrupt } = this;
    if (sendInterrupt !== undefined && this.state === 'begun') {
      sendInterrupt();
    } else if (sendInterrupt !== undefined && this.state === 'unsettled') {
      this.cancelWait = this.clock.setTimer(SETTLE_MS, sendInterrupt);
    }
  }
}
