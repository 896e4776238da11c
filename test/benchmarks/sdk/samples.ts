/** Times by the name of what was measured, in ms. */
export type Samples = Readonly<Record<string, readonly number[]>>;

/** Puts samples together, name by name. */
export function joined(parts: readonly Samples[]): Samples {
  const names = new Set(parts.flatMap((part) => Object.keys(part)));
  return Object.fromEntries([...names].map((name) => [name, parts.flatMap((part) => part[name] ?? [])]));
}
