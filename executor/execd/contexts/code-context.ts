import { notNow, Refusal } from '../refusal';
import type { Call } from '../calls';
import type { CodeLanguage } from './languages';

/** Where pieces of code run one after the other, each of which finds what those before it have left. */
export interface CodeContext {
  readonly id: string;
  readonly language: CodeLanguage;
  /** Resolves with the reason when nothing can be run in it any more. */
  readonly gone: Promise<string>;
  /**
   * Runs code when it is its turn, and answers with its events.
   *
   * @throws Refusal of status 404 when the context is gone by then, and others before the first event
   */
  run(call: Call, code: string): Promise<void>;
  /** Interrupts what runs, and returns when it has ended. @throws Refusal of status 409 when it goes on for all that */
  interrupt(): Promise<void>;
  /** Ends it, and what runs in it. */
  end(): Promise<void>;
}

/** A context that has been, and is no more. */
export const contextGone = (id: string, why: string): Refusal => new Refusal(404, 'CONTEXT_NOT_FOUND', `context '${id.slice(0, 200)}': expected one that can be used, got one that ${why}; create another one`);

/** Code that an interrupt does not end. */
export const goesOn = (id: string): Refusal => notNow(`context '${id}': expected its code to end by SIGINT, got none; DELETE /code/contexts/${id} ends it with its interpreter`);
