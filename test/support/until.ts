/** Waits until `condition` gives something other than false or undefined, and returns it; fails after `deadlineMs`. */
export async function until<T>(condition: () => T | Promise<T>, what: string, deadlineMs = 10_000): Promise<Exclude<T, false | undefined>> {
  const endAtMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
    if (performance.now() > endAtMs) throw new Error(`${what}: expected within ${deadlineMs} ms, got nothing`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
