/** The shortest of some delays, in ms; `undefined` when there is none. */
export function soonest(...delaysMs: readonly (number | undefined)[]): number | undefined {
  const known = delaysMs.filter((delay) => delay !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
