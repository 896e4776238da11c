/** Runs `task` for every item, at most `limit` at once. All of them run; the results stand in the order of the items. */
export async function inParallel<T, R>(items: readonly T[], limit: number, task: (item: T) => Promise<R>): Promise<PromiseSettledResult<R>[]> {
  const results = new Array<PromiseSettledResult<R>>(items.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      try {
        results[index] = { status: 'fulfilled', value: await task(items[index] as T) };
      } catch (reason) {
        results[index] = { status: 'rejected', reason };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  return results;
}

/** So many successes show that the API takes what it is sent, however few run at once. */
const TRUSTED_AFTER = 32;

/**
 * {@link inParallel} that begins with one and lets each success add one more, so that twice as many run each time, up to `limit`; nobody waits for the
 * slowest of a group. Each failure takes the place of one that may run, or might but for the limit, up to the next success, and when none is left that is the
 * end: a template that the API refuses costs one request, not a thousand (R6, S3). After `limit` successes, and 32 at least, failures end nothing. Results of
 * items that were not tried are missing.
 */
export function slowStart<T, R>(items: readonly T[], limit: number, task: (item: T) => Promise<R>): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = [];
  const trusted = Math.max(limit, TRUSTED_AFTER);
  let trust = 1;
  let running = 0;
  let failuresInRow = 0;
  let next = 0;
  return new Promise((resolve) => {
    const run = async (index: number): Promise<void> => {
      running += 1;
      try {
        results[index] = { status: 'fulfilled', value: await task(items[index] as T) };
        failuresInRow = 0;
        trust = Math.min(trusted, trust + 1);
      } catch (reason) {
        results[index] = { status: 'rejected', reason };
        failuresInRow += 1;
      }
      running -= 1;
      startNext();
    };
    const startNext = () => {
      while (next < items.length && running < limit && running + (trust < trusted ? failuresInRow : 0) < trust) void run(next++);
      if (running === 0) resolve(results);
    };
    startNext();
  });
}

/** Reasons of the failures, in order. */
export function failuresOf(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
}
