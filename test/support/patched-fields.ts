/** What a patch of any form sets, as an object with nothing else in it; null is what it removes. */
export function patchedFields(patch: unknown): object {
  if (!Array.isArray(patch)) return typeof patch === 'object' && patch !== null ? patch : {};
  const fields: Record<string, unknown> = {};
  for (const { path, value = null } of patch as readonly { readonly path: string; readonly value?: unknown }[]) {
    const keys = path.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = keys.pop() ?? '';
    let parent = fields;
    for (const key of keys) parent = (parent[key] ??= {}) as Record<string, unknown>;
    parent[last] = value;
  }
  return fields;
}
