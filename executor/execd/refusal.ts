import type { ExecdCode } from '../../src/schema/execd-api';
import { joinProblems, type Problem } from '../../src/schema/errors';

/** An answer of 400 or above; its message is for the caller. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  /** @param headers of the answer, beside those that every answer has */
  constructor(
    readonly status: number,
    readonly code: ExecdCode,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** A body that is not as it should be, by everything that is wrong with it. */
export const badBody = (...problems: readonly Problem[]): Refusal => new Refusal(400, 'INVALID_REQUEST_BODY', joinProblems('body', problems));

/** A parameter of query or path that is missing or wrong. */
export const badQuery = (...problems: readonly Problem[]): Refusal => new Refusal(400, 'MISSING_QUERY', joinProblems('query', problems));

/** Something of that id that nobody knows, or that was forgotten by now. */
export const unknownContext = (kind: string, id: string): Refusal =>
  new Refusal(404, 'CONTEXT_NOT_FOUND', `${kind} '${id.slice(0, 200)}': expected one that is known, got none of that id`);

/** The state of things does not allow it now. */
export const notNow = (message: string): Refusal => new Refusal(409, 'RUNTIME_ERROR', message);
