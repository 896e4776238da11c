import { z } from 'zod';

/**
 * The part of an executor's answer that the operator reads.
 *
 * Whatever runs in a sandbox may answer in the executor's place, so nothing of it is taken unparsed, texts are cut, and no answer costs more
 * than reading it.
 *
 * @see shared/reference/executor.md section 4
 */

/** Longest text taken from an executor, in characters. */
const MAX_TEXT_LENGTH = 200;
/** Longest name and uid that are told apart, in characters: names of tasks have 253 at most. */
const MAX_NAME_LENGTH = 300;
/** Most tasks of an answer. An executor runs 100 at most, and shows those that it ends. */
const MAX_TASKS = 1_000;

/** A copy: a slice would keep the whole text in memory as long as itself, which may be a megabyte for each sandbox. */
const cut = (text: string, length: number): string => (text.length > length ? Buffer.from(text.slice(0, length), 'utf16le').toString('utf16le') : text);

const shortText = z
  .string()
  .transform((text) => cut(text, MAX_TEXT_LENGTH))
  .nullish()
  .transform((text) => text ?? undefined);

const name = z.string().transform((text) => cut(text, MAX_NAME_LENGTH));

const state = z.object({ reason: shortText, message: shortText });

const executorAnswer = z.object({
  name,
  uid: name.nullish(),
  processStatus: z
    .object({
      waiting: state.nullish(),
      running: z.object({}).nullish(),
      terminated: state.extend({ exitCode: z.int(), signal: z.int().nullish() }).nullish(),
    })
    .nullish(),
});

/** One task as an executor shows it. */
export type ExecutorAnswer = z.output<typeof executorAnswer>;

/** Reads every task that an executor holds; `[]` is the only form of "none". Undefined for what is no list of tasks. */
export function parseAnswer(text: string): ExecutorAnswer[] | undefined {
  const value = parseJson(text);
  // Before each entry is looked at: one that is wrong costs some kilobytes, and two million of them fit into an answer.
  if (!Array.isArray(value) || value.length > MAX_TASKS) return undefined;
  const tasks = z.array(executorAnswer).safeParse(value);
  return tasks.success ? tasks.data : undefined;
}

/** Whether an answer to a reset says that nothing is left. Another server on the port of the executor may answer 200 to whatever is asked. */
export function provesEmpty(text: string): boolean {
  const answer = z.object({ empty: z.literal(true) }).safeParse(parseJson(text));
  return answer.success;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
