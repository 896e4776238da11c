import { checkPatch, warnOfUnknownFields } from './pod-checks';
import { type Problems } from './problems';
import { isRecord } from './schema/validation';

/** The patches; undefined when none of them says anything. */
export function unlessEmpty<T extends object>(patches: T[] = []): T[] | undefined {
  return patches.some((patch) => isRecord(patch) && Object.keys(patch).length > 0) ? patches : undefined;
}

/** The `shardPatches` prop, checked item by item; undefined when it is no list. */
export function renderShardPatches(problems: Problems, patches: unknown): Record<string, unknown>[] | undefined {
  if (patches !== undefined && !Array.isArray(patches)) {
    problems.add('shardPatches', 'a list', patches);
  }
  if (!Array.isArray(patches)) {
    return undefined;
  }
  patches.forEach((patch: unknown, index) => {
    const path = `shardPatches[${index}]`;
    if (checkPatch(problems, path, patch)) {
      warnOfUnknownFields(problems, path, patch);
    }
  });
  return patches;
}
