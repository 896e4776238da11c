import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { PodSpec } from '../../src/schema/kubernetes';
import { EXECUTOR_CONTAINER } from '../../src/schema/names';

/** Name of the pod of a sandbox: what its allocation record says, or the one made for it; undefined while there is none (L49). */
export function podNameOf({ metadata, spec, status }: BatchSandbox): string | undefined {
  const { podPrefix = '', slots = [] } = status?.allocation ?? {};
  if (spec.poolRef === undefined || spec.poolRef === '') return `${metadata.name}-0`;
  const [, rest] = /^([^/]+)\/[^/]+$/.exec(slots[0] ?? '') ?? [];
  return rest === undefined ? undefined : `${podPrefix}${rest}`;
}

/** Containers of a pod whose logs are of the sandbox: the main one first. */
export function containersOf(spec: PodSpec | undefined): string[] {
  const names = (spec?.containers ?? []).map(({ name }) => name);
  return [...names.filter((name) => name !== EXECUTOR_CONTAINER), ...names.filter((name) => name === EXECUTOR_CONTAINER)];
}
