import type { ApiObject } from './api-object';
import { timestampOf } from './api-object';
import { conflict, invalidOptions } from './api-error';
import { unsupportedValue } from './field-problem';
import { toJsonObject } from './json';
import { parseCount } from './query-count';
import type { ResourceKind } from './resource-kind';

/** Finalizer under which dependents go before their owner. */
export const FOREGROUND_FINALIZER = 'foregroundDeletion';
/** Finalizer under which dependents are cut loose from their owner before it goes. */
export const ORPHAN_FINALIZER = 'orphan';

/** What becomes of the objects that an object owns. */
export type Propagation = 'Background' | 'Foreground' | 'Orphan';

/** How an object is to be deleted. */
export interface DeleteOptions {
  /** Time to end, in s; default is the kind's own. */
  readonly graceSeconds?: number;
  readonly propagation?: Propagation;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly dryRun: boolean;
}

/** Reads DeleteOptions from a body and from query parameters, which count where the body says nothing. @throws ApiError 400, 422 */
export function parseDeleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const options = toJsonObject(body);
  const grace = options.gracePeriodSeconds ?? ((query.get('gracePeriodSeconds') ?? '') === '' ? undefined : parseCount(query, 'gracePeriodSeconds'));
  const propagation = options.propagationPolicy ?? query.get('propagationPolicy') ?? undefined;
  if (propagation !== undefined && !isPropagation(propagation)) throw invalidOptions('DeleteOptions', [unsupportedValue(['propagationPolicy'], propagation, ['Foreground', 'Background', 'Orphan', 'nil'])]);
  const { uid, resourceVersion } = toJsonObject(options.preconditions);
  const dryRuns: readonly unknown[] = Array.isArray(options.dryRun) ? options.dryRun : query.getAll('dryRun').filter((value) => value !== '');
  if (dryRuns.some((value) => value !== 'All')) throw invalidOptions('DeleteOptions', [unsupportedValue(['dryRun'], dryRuns, ['All'])]);
  return {
    dryRun: dryRuns.length > 0,
    ...(typeof grace === 'number' ? { graceSeconds: Math.max(0, grace) } : {}),
    ...(propagation === undefined ? {} : { propagation }),
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
}

function isPropagation(value: unknown): value is Propagation {
  return value === 'Background' || value === 'Foreground' || value === 'Orphan';
}

/** Refuses to delete another object than the caller saw. @throws ApiError 409 */
export function checkPreconditions({ metadata }: ApiObject, kind: ResourceKind, { uid, resourceVersion }: DeleteOptions): void {
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;
    throw conflict(kind, metadata.name, why);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
    throw conflict(kind, metadata.name, why);
  }
}

/**
 * The object with its deletion begun: deletion time, grace and the finalizers of its propagation. The very same object when it
 * was being deleted already and the request asks for nothing new.
 */
export function beginDeletion(object: ApiObject, kind: ResourceKind, options: DeleteOptions, now: Date): ApiObject {
  const wanted = kind.graceSeconds === undefined ? 0 : graceOf(kind.graceSeconds(object), options.graceSeconds);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, generation } = object.metadata;
  const finalizers = finalizersFor(object, options.propagation);
  if (deletionTimestamp !== undefined && wanted >= deletionGracePeriodSeconds && finalizers === object.metadata.finalizers) return object;
  const grace = deletionTimestamp === undefined ? wanted : Math.min(wanted, deletionGracePeriodSeconds);
  const metadata = {
    ...object.metadata,
    ...(generation !== undefined && deletionTimestamp === undefined ? { generation: generation + 1 } : {}),
    ...(finalizers === undefined ? {} : { finalizers }),
    deletionTimestamp: timestampOf(new Date(now.getTime() + grace * 1000)),
    deletionGracePeriodSeconds: grace,
  };
  const marked = { ...object, metadata };
  return deletionTimestamp === undefined && kind.markDeleted !== undefined ? kind.markDeleted(marked) : marked;
}

/** Whether nothing holds an object any more whose deletion has begun. */
export function canBeRemoved({ metadata, spec }: ApiObject, kind: ResourceKind): boolean {
  if (metadata.deletionTimestamp === undefined || (metadata.finalizers?.length ?? 0) > 0) return false;
  if ((metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  const { finalizers } = toJsonObject(spec);
  return kind.plural !== 'namespaces' || !Array.isArray(finalizers) || finalizers.length === 0;
}

/** An object that nobody runs needs no time to end, whatever was asked for. */
function graceOf(own: number, asked: number | undefined): number {
  return own === 0 ? 0 : (asked ?? own);
}

function finalizersFor({ metadata: { finalizers } }: ApiObject, propagation: Propagation | undefined): readonly string[] | undefined {
  const added = propagation === 'Foreground' ? FOREGROUND_FINALIZER : propagation === 'Orphan' ? ORPHAN_FINALIZER : undefined;
  return added === undefined || finalizers?.includes(added) ? finalizers : [...(finalizers ?? []), added];
}
