// zod/mini: the executor runs in every sandbox.
import * as z from 'zod/mini';

/** Most bytes of one answer: the drivers cut what they tell, so that all of it in escapes of JSON is less. */
const MOST_ANSWER_BYTES = 16 * 1024 * 1024;

/** Characters that are kept of the value of an expression; a driver cuts the rest off. */
export const MOST_RESULT = 1024 * 1024;
/** Characters that are kept of the name of an error, of its message, and of the end of its traceback. */
export const MOST_ERROR = 64 * 1024;
/** What a piece of an answer takes beside its bytes, so that an answer of single bytes is no way to more memory. */
const PIECE_BYTES = 256;

const codeError = z.object({ ename: z.string(), evalue: z.string(), traceback: z.array(z.string()) });

/**
 * What a driver tells, one line of JSON each: `ready` once, then for each piece of code `begun` from when on an interrupt meets it (`CodeRun.begin`), and `done`
 * when it has ended and all that it wrote is in the pipes.
 */
const answer = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('begun'), isUnsettled: z.optional(z.boolean()) }),
  z.object({ type: z.literal('done'), result: z.optional(z.string()), error: z.optional(codeError) }),
]);
export type Answer = z.infer<typeof answer>;

/** Reads answers out of a pipe that the code of a sandbox can write to as well. */
export class AnswerReader {
  private pieces: Buffer[] = [];
  /** Bytes that they take. */
  private length = 0;
  private isBroken = false;

  /**
   * The answers that end in this piece, which is only there during the call.
   *
   * @returns undefined when there is something else among them, and ever after: nothing that follows means anything or is kept
   */
  take(piece: Buffer): readonly Answer[] | undefined {
    const answers = this.isBroken ? undefined : this.read(piece);
    if (answers === undefined) {
      this.isBroken = true;
      this.pieces = [];
    }
    return answers;
  }

  private read(piece: Buffer): readonly Answer[] | undefined {
    const answers: Answer[] = [];
    let from = 0;
    for (let end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', from)) {
      const parsed = parse(Buffer.concat([...this.pieces, piece.subarray(from, end)]).toString());
      if (parsed === undefined) {
        return undefined;
      }
      answers.push(parsed);
      this.pieces = [];
      this.length = 0;
      from = end + 1;
    }
    if (from < piece.length) {
      this.pieces.push(Buffer.from(piece.subarray(from)));
      this.length += piece.length - from + PIECE_BYTES;
    }
    return this.length > MOST_ANSWER_BYTES ? undefined : answers;
  }
}

function parse(line: string): Answer | undefined {
  try {
    return answer.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
