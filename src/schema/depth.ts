import type { Problem } from './errors';

/**
 * Most levels of objects and lists in what a user writes. The API server takes about 10,000, which is more than a function that calls itself
 * for each level has room for; the deepest pod has some 20.
 */
const MAX_LEVELS = 200;

/** Tells of a value with more levels than anybody can work with; `undefined` when it has not. Never throws. */
export function findTooDeep(value: unknown, path: string): Problem | undefined {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_LEVELS) return tooDeep(path);
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return undefined;
}

/** What is wrong with a value on which a function that calls itself has run out of room. */
export const tooDeep = (path: string): Problem => ({ path, expected: `at most ${MAX_LEVELS} levels`, got: 'more' });

/** What `work` gives, or `instead` when a value was too deep for it. */
export function unlessTooDeep<T, F>(work: () => T, instead: F): T | F {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) return instead;
    throw error;
  }
}
