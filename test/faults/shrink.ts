/**
 * The shortest list found that still fails: halves, quarters and so on are left out as long as that keeps the failure, down to single items.
 *
 * @param fails whether a list still shows the failure
 * @param budget most lists that are tried
 */
export async function shrink<T>(items: readonly T[], fails: (items: readonly T[]) => Promise<boolean>, budget: number): Promise<readonly T[]> {
  let shortest = items;
  let left = budget;
  let size = Math.ceil(items.length / 2);
  while (shortest.length > 0 && left > 0) {
    let found = false;
    // From the end: what came after the failure matters least.
    for (let end = shortest.length; end > 0 && left > 0; end -= size) {
      const candidate = [...shortest.slice(0, Math.max(0, end - size)), ...shortest.slice(end)];
      left -= 1;
      if (!(await fails(candidate))) continue;
      shortest = candidate;
      found = true;
    }
    if (!found && size === 1) break;
    if (!found) size = Math.ceil(size / 2);
    size = Math.min(size, Math.max(1, shortest.length));
  }
  return shortest;
}
