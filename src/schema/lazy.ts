/**
 * What is made when it is first asked for, and kept: a schema takes its time to make, and an executor starts in every sandbox, most of which ask for it later
 * or never.
 */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
