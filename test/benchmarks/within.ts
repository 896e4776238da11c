/** A wait of a benchmark that takes longer has gone wrong, in ms. */
const LONGEST_MS = 300_000;

/** Waits for a promise. @throws Error when it takes longer than `withinMs` */
export async function within<T>(promise: Promise<T>, what: string, withinMs = LONGEST_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: expected it within ${withinMs / 1000} s, got nothing`)), withinMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
