import type { KubeObject } from '../../src/schema/kubernetes';
import { NotLeadingError } from './api-error';
import type { StreamReader } from './exchange';
import { LOG_LAST_BYTES, LOG_LIMIT_BYTES, type PodLogQuery, TextEnd } from './pod-log';
import { collectionPath, objectPath, type ObjectRef, PODS, type ResourceType } from './resource-types';
import type { KubeCall, Transport } from './transport';

/** A page of a list. */
export interface KubeList<T> {
  readonly metadata: {
    /** Where a watch goes on from. */
    readonly resourceVersion: string;
    /** Token of the next page; empty or absent on the last. */
    readonly continue?: string;
  };
  readonly items: readonly T[];
}

/** What to list. */
export interface ListQuery {
  /** Absent means all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Objects a page; absent means all at once. */
  readonly limit?: number;
  readonly continue?: string;
  /** `0`: whatever the server has in memory, fast; absent: the state of now. */
  readonly resourceVersion?: string;
}

/** What every call accepts. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** What every write accepts. */
export interface WriteOptions extends CallOptions {
  /** Judge and answer, store nothing. */
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  /** Whether its answer is waited for, once it was sent, although the signal has aborted. @default false */
  readonly uncut?: boolean;
}

/**
 * Has the server answer with the metadata alone: it need not write the rest, nor we read it.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
 */
export interface MetadataAnswer {
  readonly answer: 'metadata';
}

/** What is left of an object in such an answer. A server that does not know of it answers with all. */
export type Written<T extends KubeObject> = Pick<T, 'metadata'>;

/** Kinds of patch and their content types. */
const PATCH_CONTENT_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;
export type PatchType = keyof typeof PATCH_CONTENT_TYPES;

/** How to patch. */
export interface PatchOptions extends WriteOptions {
  readonly subresource?: 'status' | 'scale';
  /** Apply only: take fields over from other managers. */
  readonly force?: boolean;
  /** Whether the patch does the same once more, or nothing. @default - not for a JSON patch, which may add to a list; the other forms carry absolute values */
  readonly repeatable?: boolean;
}

/** How to delete. A precondition that does not hold is a conflict. */
export interface DeleteOptions extends CallOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly dryRun?: boolean;
}

/** What {@link KubeApi} needs. */
export interface KubeApiOptions {
  readonly transport: Transport;
  /** Asked before every write, and when it leaves; false refuses it. @default - writes are always allowed */
  readonly mayWrite?: () => boolean;
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
const METADATA_OF_LIST_ONLY = METADATA_ONLY.replace('PartialObjectMetadata', 'PartialObjectMetadataList');

/** A write that has not been answered for so long is given up; shorter than a lease lasts. */
export const WRITE_DEADLINE_MS = 10_000;
/** A list page of many objects takes the server longer than a write. */
export const LIST_DEADLINE_MS = 30_000;

/**
 * Kubernetes' REST verbs on objects as raw JSON: times stay text.
 *
 * Every method throws ApiError when the server refuses, TransportError when no answer came, and NotLeadingError
 * for a write while `mayWrite` says no.
 */
export class KubeApi {
  private readonly transport: Transport;
  private readonly mayWrite: () => boolean;

  constructor({ transport, mayWrite = () => true }: KubeApiOptions) {
    this.transport = transport;
    this.mayWrite = mayWrite;
  }

  /** Calls that have not come to their end; watches do not count. */
  get callsUnderWay(): number {
    return this.transport.callsUnderWay;
  }

  async list<T extends KubeObject>(type: ResourceType<T>, query: ListQuery = {}, options: CallOptions = {}): Promise<KubeList<T>> {
    const { namespace, ...parameters } = query;
    const path = withQuery(collectionPath(type, namespace), parameters);
    return (await this.read(path, LIST_DEADLINE_MS, options)) as KubeList<T>;
  }

  /** Whether there is an object that the selectors match. At most one is read, and of it the metadata alone. */
  async has(type: ResourceType, query: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>, { signal }: CallOptions = {}): Promise<boolean> {
    const { namespace, ...selectors } = query;
    const path = withQuery(collectionPath(type, namespace), { ...selectors, limit: 1 });
    const call = { method: 'GET', path, accept: METADATA_OF_LIST_ONLY, deadlineMs: WRITE_DEADLINE_MS, repeatable: true, signal } as const;
    // Kubernetes writes null for the items of such a list when there are none.
    const { items } = (await this.transport.call(call)) as { readonly items: readonly unknown[] | null };
    return (items?.length ?? 0) > 0;
  }

  async get<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, options: CallOptions = {}): Promise<T> {
    return (await this.read(objectPath(type, ref), WRITE_DEADLINE_MS, options)) as T;
  }

  /**
   * Creates the object. One with a fixed name is sent again after a broken connection, so AlreadyExists may mean
   * that the first sending has succeeded.
   */
  async create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>, options: WriteOptions & MetadataAnswer): Promise<Written<T>>;
  async create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>, options?: WriteOptions): Promise<T>;
  async create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>, options: WriteOptions & Partial<MetadataAnswer> = {}): Promise<T> {
    const { metadata } = object;
    const answer = await this.write(
      {
        method: 'POST',
        path: withQuery(collectionPath(type, metadata.namespace), writeParameters(options)),
        body: { ...object, apiVersion: type.apiVersion, kind: type.kind },
        repeatable: metadata.name !== undefined,
      },
      options,
    );
    return answer as T;
  }

  /** Patches the object; `contentType` is the form of `patch`. Custom resources know no strategic patch. */
  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    contentType: PatchType,
    patch: object,
    options: PatchOptions & MetadataAnswer,
  ): Promise<Written<T>>;
  async patch<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, contentType: PatchType, patch: object, options?: PatchOptions): Promise<T>;
  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    contentType: PatchType,
    patch: object,
    options: PatchOptions & Partial<MetadataAnswer> = {},
  ): Promise<T> {
    const answer = await this.write(
      {
        method: 'PATCH',
        path: withQuery(objectPath(type, ref, options.subresource), { ...writeParameters(options), force: options.force }),
        body: patch,
        contentType: PATCH_CONTENT_TYPES[contentType],
        repeatable: options.repeatable ?? contentType !== 'json',
      },
      options,
    );
    return answer as T;
  }

  /** Deletes the object; returns it when it stays for a while (grace period, finalizers), else undefined. */
  async delete<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, options: DeleteOptions & MetadataAnswer): Promise<Written<T> | undefined>;
  async delete<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, options?: DeleteOptions): Promise<T | undefined>;
  async delete<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, options: DeleteOptions & Partial<MetadataAnswer> = {}): Promise<T | undefined> {
    const answer = await this.write(
      {
        method: 'DELETE',
        path: objectPath(type, ref),
        body: deleteBody(options),
        repeatable: options.uid !== undefined,
      },
      options,
    );
    return (answer as KubeObject).kind === 'Status' ? undefined : (answer as T);
  }

  /** Deletes all objects that the selectors match. */
  async deleteCollection(
    type: ResourceType,
    query: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>,
    options: Omit<DeleteOptions, 'uid' | 'resourceVersion'> = {},
  ): Promise<void> {
    const { namespace, ...selectors } = query;
    await this.write(
      { method: 'DELETE', path: withQuery(collectionPath(type, namespace), selectors), body: deleteBody(options), repeatable: false },
      options,
    );
  }

  /**
   * Watches from a version on and passes the bytes of the stream on; resolves when the server ends it.
   *
   * @param timeoutSeconds after which the server ends it
   */
  async watch(
    type: ResourceType,
    query: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'> & { readonly resourceVersion: string; readonly timeoutSeconds: number },
    signal: AbortSignal,
    reader: StreamReader,
  ): Promise<void> {
    const { namespace, ...parameters } = query;
    const path = withQuery(collectionPath(type, namespace), { watch: true, allowWatchBookmarks: true, ...parameters });
    await this.transport.stream(path, signal, reader);
  }

  /** The end of what a container of a pod has written, as text; see {@link PodLogQuery.lastBytes}. */
  async podLog({ namespace, name }: ObjectRef, { lastBytes = LOG_LAST_BYTES, limitBytes = LOG_LIMIT_BYTES, ...query }: PodLogQuery, signal: AbortSignal): Promise<string> {
    const end = new TextEnd(lastBytes);
    const path = withQuery(`${objectPath(PODS, { namespace, name })}/log`, { ...query, limitBytes });
    await this.transport.stream(path, signal, { onOpen: () => undefined, onData: (chunk) => end.add(chunk) });
    return end.toString();
  }

  private read(path: string, deadlineMs: number, { signal }: CallOptions): Promise<unknown> {
    return this.transport.call({ method: 'GET', path, deadlineMs, repeatable: true, signal });
  }

  /** A write may wait for its turn longer than the lease lasts, as when the whole process is stopped: it asks again when it leaves (R112). */
  private async write(call: Omit<KubeCall, 'deadlineMs' | 'signal' | 'uncut' | 'accept'>, { signal, uncut, answer }: WriteOptions & Partial<MetadataAnswer>): Promise<unknown> {
    const beforeSend = () => {
      if (!this.mayWrite()) throw new NotLeadingError(`${call.method} ${call.path}: not sent, since this process does not hold the lease`);
    };
    beforeSend();
    return this.transport.call({ ...call, ...(answer === 'metadata' && { accept: METADATA_ONLY }), beforeSend, deadlineMs: WRITE_DEADLINE_MS, signal, uncut });
  }
}

/** The metadata of an answer, whatever else is in it. */
export async function metadataOf<T extends KubeObject>(answer: Promise<Written<T>>): Promise<Written<T>> {
  const { metadata } = await answer;
  return { metadata };
}

/** An object before its creation: it may leave its name to the server by `generateName`. */
export type NewObject<T extends KubeObject> = Omit<T, 'metadata'> & {
  readonly metadata: Omit<T['metadata'], 'name'> & { readonly name?: string };
};

type QueryParameters = Readonly<Record<string, string | number | boolean | undefined>>;

function withQuery(path: string, parameters: QueryParameters): string {
  const pairs = Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}

/** Nobody reads the warnings for fields that are not known, and to look for them is a good part of a large write. */
function writeParameters({ dryRun, fieldManager }: WriteOptions): QueryParameters {
  return { dryRun: dryRun === true ? 'All' : undefined, fieldManager, fieldValidation: 'Ignore' };
}

function deleteBody({ uid, resourceVersion, gracePeriodSeconds, propagationPolicy, dryRun }: DeleteOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(uid === undefined && resourceVersion === undefined ? {} : { preconditions: { uid, resourceVersion } }),
    gracePeriodSeconds,
    propagationPolicy,
    ...(dryRun === true ? { dryRun: ['All'] } : {}),
  };
}
