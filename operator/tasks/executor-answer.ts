import { z } from 'zod';

/**
 * The part of an executor's answer that the operator reads.
 *
 * Whatever runs in a sandbox may answer in the executor's place, so nothing of it is taken unparsed, and texts are cut.
 *
 * @see shared/reference/executor.md section 4
 */

/** Longest text taken from an executor, in characters. */
const MAX_TEXT_LENGTH = 200;

const shortText = z
  .string()
  .transform((text) => text.slice(0, MAX_TEXT_LENGTH))
  .nullish()
  .transform((text) => text ?? undefined);

const state = z.object({ reason: shortText, message: shortText });

const executorAnswer = z.object({
  name: z.string(),
  uid: z.string().nullish(),
  processStatus: z
    .object({
      waiting: state.nullish(),
      running: z.object({}).nullish(),
      terminated: state.extend({ exitCode: z.int() }).nullish(),
    })
    .nullish(),
});

/** Every task an executor holds; `[]` is the only form of "none". */
export const executorAnswers = z.array(executorAnswer);

/** One task as an executor shows it. */
export type ExecutorAnswer = z.output<typeof executorAnswer>;
