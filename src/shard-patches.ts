import { checkPatch, warnOfUnknownFields } from './pod-checks';
import { type Problems } from './problems';
import { isRecord } from './schema/validation';

/** The patches; undefined when none of them says anything. */
export function unlessEmpty<T extends object>(patches: T[] = []): T[] | undefined {
  return patches.some((patch) => isRecord(patch) && Object.keys(patch).length > 0) ? patches : undefined;
}

/** Patches `from` to `to - 1` of the `shardPatches` prop; undefined when it is no list. Rendered for every slice, so checked elsewhere and once. */
export function renderShardPatches(patches: unknown, from: number, to: number): Record<string, unknown>[] | undefined {
  return Array.isArray(patches) ? patches.slice(from, to) : undefined;
}

/** Checks the `shardPatches` prop, item by item. */
export function checkShardPatches(problems: Problems, patches: unknown): void {
  if (patches === undefined) {
    return;
  }
  if (!Array.isArray(patches)) {
    problems.add('shardPatches', 'a list', patches);
    return;
  }
  patches.forEach((patch: unknown, index) => {
    const path = `shardPatches[${index}]`;
    if (checkPatch(problems, path, patch)) {
      warnOfUnknownFields(problems, path, patch);
    }
  });
}
