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

/**
 * {@link inParallel} in waves of 1, 2, 4 and so on; after a wave as large as `limit` the rest follows without pauses. A wave in which nothing
 * went well is the last one: a template that the API refuses costs one request, not a thousand (R6, S3). Results of items that were not
 * tried are missing.
 */
export async function slowStart<T, R>(items: readonly T[], limit: number, task: (item: T) => Promise<R>): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = [];
  for (let size = 1; results.length < items.length; size *= 2) {
    const end = size >= limit ? items.length : results.length + size;
    const wave = await inParallel(items.slice(results.length, end), limit, task);
    results.push(...wave);
    if (wave.every((result) => result.status === 'rejected')) break;
  }
  return results;
}

/** Reasons of the failures, in order. */
export function failuresOf(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
}
