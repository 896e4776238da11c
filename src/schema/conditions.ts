import { z } from 'zod';
import { text, timestamp } from './fields';

/** Types of condition on a BatchSandbox. The enum is closed in the CRD: a type missing here makes the API server refuse the whole status. */
export const BATCH_CONDITION_TYPES = [
  'Ready',
  'Progressing',
  'Paused',
  'PauseFailed',
  'ResumeFailed',
  'PodFailed',
  'PoolAllocationPending',
  'AllReady',
  'Completed',
  'Accepted',
] as const;

/** Types of condition on a Pool. */
export const POOL_CONDITION_TYPES = ['Accepted', 'ScaleBlocked'] as const;

/** Longest message of a condition, in bytes; the API server refuses a whole status for a longer one. */
const MAX_MESSAGE_BYTES = 8192;

/**
 * A list of conditions, one a type.
 *
 * @param types every type that there is
 * @param meanings what each type says, for `kubectl explain`
 */
export const conditionList = <const T extends readonly [string, ...string[]]>(types: T, meanings: Readonly<Record<T[number], string>>) =>
  z
    .array(
      z
        .object({
          type: z.enum(types).describe(types.map((type: T[number]) => `${type}: ${meanings[type]}.`).join(' ')),
          status: z
            .enum(['True', 'False'])
            .describe('True: it holds. False: it does not, which is said only of Accepted; other conditions are removed when they no longer hold.'),
          reason: text(256).optional().describe('Why, as one word in CamelCase. Default: none.'),
          message: text(MAX_MESSAGE_BYTES).optional().describe('Why, as a sentence with the values of this object. Default: none.'),
          lastTransitionTime: timestamp().optional().describe('When status, reason or message last changed, in RFC 3339. Default: none.'),
        })
        .describe('One condition.'),
    )
    .max(types.length)
    .meta({ listMapKeys: ['type'] });

/** One condition of a status. */
export interface Condition<T extends string = string> {
  readonly type: T;
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
  /** RFC 3339; moves only with the content. */
  readonly lastTransitionTime?: string;
}

/** A condition as a plan wants it: the time is added by {@link mergeConditions}. */
export type WantedCondition<T extends string = string> = Omit<Condition<T>, 'lastTransitionTime'>;

/**
 * The wanted conditions with their times: one that is unchanged keeps its time, one that is new or differs gets `now`.
 * What is not wanted is dropped, since only conditions that hold are stored (R94). Sorted by type, so that equal input gives equal bytes.
 * A message that is too long loses its end.
 */
export function mergeConditions<T extends string>(
  current: readonly Condition<T>[] | undefined,
  wanted: readonly WantedCondition<T>[],
  now: Date,
): Condition<T>[] {
  const currentByType = new Map((current ?? []).map((condition) => [condition.type, condition]));
  return wanted
    .map((full): Condition<T> => {
      const condition = withShortMessage(full);
      const old = currentByType.get(condition.type);
      const same =
        old !== undefined &&
        old.status === condition.status &&
        old.reason === condition.reason &&
        old.message === condition.message;
      return same ? old : { ...condition, lastTransitionTime: `${now.toISOString().slice(0, 19)}Z` };
    })
    .sort((a, b) => (a.type < b.type ? -1 : 1));
}

function withShortMessage<T extends string>(condition: WantedCondition<T>): WantedCondition<T> {
  const { message } = condition;
  if (message === undefined || Buffer.byteLength(message) <= MAX_MESSAGE_BYTES) return condition;
  const end = '...';
  // Half a character at the cut would become a replacement character of three bytes.
  const kept = Buffer.from(message).subarray(0, MAX_MESSAGE_BYTES - end.length - 3).toString().replace(/\uFFFD$/, '');
  return { ...condition, message: `${kept}${end}` };
}
