import type { ApiObject } from '../api-object';
import { isJsonObject, type JsonObject } from '../json';
import { difference, type FieldSet, NO_FIELDS } from './field-set';
import type { FieldType } from './field-type';
import { changesOf, fieldsOf } from './fields-of';

/** What `kubectl apply` without `--server-side` keeps of its input. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** Name under which `kubectl apply --server-side` writes when it is given none. */
const KUBECTL = 'kubectl';

/**
 * The fields that kubectl may take over without force: those that it has applied on the client's side and that still are as it left
 * them. So people can change from one way of applying to the other.
 *
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/#upgrading-from-client-side-apply-to-server-side-apply
 */
export function fieldsOfLastApplied(live: ApiObject, manager: string, type: FieldType): FieldSet {
  const applied = manager === KUBECTL ? parseObject(live.metadata.annotations?.[LAST_APPLIED]) : undefined;
  if (applied === undefined) return NO_FIELDS;
  const { changed, removed } = changesOf(applied, live, type);
  return difference(difference(fieldsOf(applied, type), changed), removed);
}

/** `merged` with what kubectl has applied now, if it had been applied on the client's side before. */
export function withLastApplied(merged: JsonObject, live: ApiObject, config: JsonObject, manager: string): JsonObject {
  const { annotations } = live.metadata;
  if (manager !== KUBECTL || annotations?.[LAST_APPLIED] === undefined) return merged;
  const metadata = merged.metadata as JsonObject;
  return { ...merged, metadata: { ...metadata, annotations: { ...(metadata.annotations as JsonObject), [LAST_APPLIED]: `${JSON.stringify(config)}\n` } } };
}

function parseObject(text: string | undefined): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // somebody wrote something else there; kubectl itself would not use it either
  }
}
