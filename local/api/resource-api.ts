import { objectKey } from '../../src/schema/kubernetes';
import { type ApiObject, keyOf, timestampOf } from './api-object';
import { badRequest, conflict, invalidOptions, methodNotAllowed, notAcceptable, unknownPath, unsupportedMediaType } from './api-error';
import { parseDeleteOptions } from './deletion';
import { forbiddenField, requiredValue, tooLong, unsupportedValue } from './field-problem';
import { type JsonObject, isJsonObject, toJsonObject } from './json';
import { checkVersion, type Lister, listJson, parseSelectors } from './list';
import type { ObjectWriter, WriteOptions } from './object-writer';
import { APPLY_TYPE, parsePatch, patchTypesOf } from './patch-body';
import { type Presentation, toMetadata, toMetadataList } from './presentation';
import type { ResourcePath } from './request-path';
import type { ResourceKind } from './resource-kind';
import { toScale, withScale } from './scale';
import type { ObjectStore } from './store';
import { listTypeOf, parseIncludeObject, toTable } from './table';
import type { StoredObject } from './watch-feed';
import type { WriteCounter } from './write-counts';

/** A request for a resource, as the protocol above HTTP sees it. */
export interface ResourceRequest {
  readonly method: string;
  readonly path: ResourcePath;
  readonly query: URLSearchParams;
  readonly presentation: Presentation;
  /** Media type of the body, without parameters. */
  readonly contentType: string;
  /** What the client calls itself; empty when it does not say. */
  readonly userAgent: string;
  /** Parsed body; undefined when there is none. */
  readonly body: unknown;
}

/** What is answered: the status code, JSON text, and sentences for the client's user. */
export interface ResourceAnswer {
  readonly code: number;
  readonly json: string;
  readonly warnings: readonly string[];
}

/** Longest name of a field manager, in bytes. */
const MAX_MANAGER_BYTES = 128;

/** Answers everything but watches and logs. */
export class ResourceApi {
  constructor(
    private readonly store: ObjectStore,
    private readonly writer: ObjectWriter,
    private readonly lister: Lister,
    private readonly writes: WriteCounter,
    private readonly now: () => Date,
  ) {}

  /** @throws ApiError whose Status is the answer */
  answer(request: ResourceRequest): ResourceAnswer {
    checkPresentation(request);
    if (request.method === 'GET') return this.read(request);
    try {
      return this.write(request);
    } catch (error) {
      this.writes.countRefused();
      throw error;
    }
  }

  private read(request: ResourceRequest): ResourceAnswer {
    const { kind, namespace, name, subresource } = request.path;
    if (name === undefined) return this.list(request);
    checkVersion(request.query.get('resourceVersion'), this.store.currentVersion);
    const stored = this.writer.get(kind, keyOf(namespace, name));
    switch (subresource) {
      case undefined:
        return this.one(request, 200, stored, []);
      case 'status':
        if (!kind.hasStatus) throw unknownPath();
        return this.one(request, 200, stored, []);
      case 'scale':
        return scaleOf(stored, request, []);
      default:
        throw unknownPath();
    }
  }

  private list({ path: { kind, namespace }, query, presentation }: ResourceRequest): ResourceAnswer {
    const page = this.lister.list(kind, namespace, query);
    if (presentation === 'objects') return { code: 200, json: listJson(kind, page), warnings: [] };
    const objects = page.items.map(({ object }) => object);
    if (presentation === 'metadataList') return json(200, toMetadataList(objects, page.metadata));
    return json(200, toTable(kind, objects, page.metadata, this.tableOptions(query)));
  }

  private write(request: ResourceRequest): ResourceAnswer {
    const { method, path } = request;
    if (path.name === undefined) {
      if (method === 'POST') return this.create(request);
      if (method === 'DELETE') return this.deleteCollection(request);
      throw methodNotAllowed();
    }
    const key = keyOf(path.namespace, path.name);
    if (method === 'DELETE' && path.subresource === undefined) return this.delete(request, key);
    if (method === 'POST' && path.subresource === 'binding') return this.bind(request, key);
    if (method === 'POST' && path.subresource === 'eviction') return this.evict(request, key);
    if (method === 'PUT' || method === 'PATCH') return this.change(request, key);
    throw path.subresource === undefined ? methodNotAllowed() : unknownPath();
  }

  private create(request: ResourceRequest): ResourceAnswer {
    const { path: { kind, namespace } } = request;
    if (kind.namespaced && namespace === undefined) throw methodNotAllowed();
    const options = parseWriteOptions(request);
    const stored = this.writer.create(kind, namespace, bodyObject(request), options);
    this.count('create', request.path, objectKey(stored.object), options.dryRun);
    return this.one(request, 201, stored, options.warnings);
  }

  private change(request: ResourceRequest, key: string): ResourceAnswer {
    const { path, method } = request;
    const { kind, subresource } = path;
    if (method === 'PATCH' && request.contentType === APPLY_TYPE) return this.apply(request, key);
    const options = parseWriteOptions(request);
    const body = bodyObjectOrList(request);
    const patch = method === 'PATCH' ? parsePatch(request.contentType, body, kind) : () => toJsonObject(body);
    const stored = this.writer.change(kind, key, changeOf(path, patch), options);
    this.count(method === 'PATCH' ? 'patch' : 'update', path, key, options.dryRun);
    if (subresource === 'scale') return scaleOf(stored, request, options.warnings);
    return this.one(request, 200, stored, options.warnings);
  }

  private apply(request: ResourceRequest, key: string): ResourceAnswer {
    const { path, query, body } = request;
    const { kind, namespace, name = '', subresource } = path;
    if (subresource !== undefined && (subresource !== 'status' || !kind.hasStatus)) throw subresource === 'scale' ? unsupportedMediaType(patchTypesOf(kind)) : unknownPath();
    const options = parseWriteOptions(request);
    const { stored, isNew } = this.writer.apply(kind, namespace, name, body, options, isSet(query.get('force')));
    this.count('patch', path, key, options.dryRun);
    return this.one(request, isNew ? 201 : 200, stored, options.warnings);
  }

  private bind(request: ResourceRequest, key: string): ResourceAnswer {
    const { kind, name = '' } = request.path;
    if (kind.group !== '' || kind.plural !== 'pods') throw unknownPath();
    const { target, metadata } = bodyObject(request);
    const { name: nodeName } = toJsonObject(target);
    if (typeof nodeName !== 'string' || nodeName === '') throw badRequest('Binding: target.name: expected the name of a node');
    const { uid } = toJsonObject(metadata);
    const options = parseWriteOptions(request);
    const bind = (pod: ApiObject) => boundPod(pod, nodeName, uid, kind, this.now());
    this.writer.change(kind, key, bind, options);
    this.count('create', request.path, key, options.dryRun);
    return json(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201, details: { name, kind: 'pods' } });
  }

  /** Deletes a pod as `kubectl drain` does. Budgets are not asked: nobody counts here what they allow. */
  private evict(request: ResourceRequest, key: string): ResourceAnswer {
    const { kind, name = '' } = request.path;
    if (kind.group !== '' || kind.plural !== 'pods') throw unknownPath();
    const { metadata, deleteOptions } = bodyObject(request);
    const { name: wanted } = toJsonObject(metadata);
    if (wanted !== name) throw badRequest(`name in URL does not match name in Eviction object: ${name}, ${String(wanted ?? '')}`);
    const options = parseDeleteOptions(deleteOptions, request.query);
    this.writer.delete(kind, key, options);
    this.count('create', request.path, key, options.dryRun);
    return json(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
  }

  private delete(request: ResourceRequest, key: string): ResourceAnswer {
    const { kind, name = '' } = request.path;
    const options = parseDeleteOptions(request.body, request.query);
    const { stored, isGone } = this.writer.delete(kind, key, options);
    this.count('delete', request.path, key, options.dryRun);
    // A pod is answered as it was, as real servers do for kinds that may take time to end.
    if (!isGone || kind.graceSeconds !== undefined) return this.one(request, 200, stored, []);
    const details = { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural, uid: stored.object.metadata.uid };
    return json(200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
  }

  private deleteCollection({ path, query, body, presentation }: ResourceRequest): ResourceAnswer {
    const { kind, namespace } = path;
    if (kind.namespaced && namespace === undefined) throw methodNotAllowed();
    const options = parseDeleteOptions(body, query);
    const selects = parseSelectors(query, kind);
    const selected = this.store.collectionOf(kind).list(namespace).filter(({ object }) => selects(object));
    const deleted = selected.map(({ object }) => this.writer.delete(kind, objectKey(object), options).stored.object);
    this.count('deletecollection', path, namespace ?? '', options.dryRun);
    const metadata = { resourceVersion: String(this.store.currentVersion) };
    return json(200, presentation === 'metadataList' ? toMetadataList(deleted, metadata) : { ...listTypeOf(kind), metadata, items: deleted });
  }

  private one({ path: { kind }, presentation, query }: ResourceRequest, code: number, stored: StoredObject, warnings: readonly string[]): ResourceAnswer {
    if (presentation === 'objects') return { code, json: stored.json, warnings };
    if (presentation === 'metadata') return { ...json(code, toMetadata(stored.object)), warnings };
    const { resourceVersion } = stored.object.metadata;
    return { ...json(code, toTable(kind, [stored.object], { resourceVersion }, this.tableOptions(query))), warnings };
  }

  private tableOptions(query: URLSearchParams) {
    return { now: this.now(), includeObject: parseIncludeObject(query.get('includeObject')), withColumns: true };
  }

  private count(verb: string, { kind: { plural }, subresource }: ResourcePath, object: string, dryRun: boolean): void {
    if (!dryRun) this.writes.count(verb, subresource === undefined ? plural : `${plural}/${subresource}`, object);
  }
}

/** Refuses to show one object as a list, or a list as one. @throws ApiError 406 */
function checkPresentation({ method, path: { name }, presentation }: ResourceRequest): void {
  const isList = name === undefined && method !== 'POST';
  if (isList && presentation === 'metadata') throw notAcceptable('you requested PartialObjectMetadata, but the requested object is a list');
  if (!isList && presentation === 'metadataList') throw notAcceptable('you requested PartialObjectMetadataList, but the requested object is not a list');
}

function scaleOf({ object }: StoredObject, { path: { kind }, presentation }: ResourceRequest, warnings: readonly string[]): ResourceAnswer {
  const scale = toScale(object, kind);
  return { ...json(200, presentation === 'metadata' ? toMetadata(scale) : scale), warnings };
}

/** What a body makes of an object, seen through the subresource it was sent to. */
function changeOf({ kind, subresource }: ResourcePath, patch: (old: JsonObject) => JsonObject): (old: ApiObject) => JsonObject {
  switch (subresource) {
    case undefined:
    case 'finalize':
      return patch;
    case 'status':
      if (!kind.hasStatus) throw unknownPath();
      return patch;
    case 'scale':
      return (old) => withScale(old, kind, patch(toScale(old, kind)));
    default:
      throw unknownPath();
  }
}

function boundPod(pod: ApiObject, nodeName: string, uid: unknown, kind: ResourceKind, now: Date): JsonObject {
  const { nodeName: present } = toJsonObject(pod.spec);
  if (uid !== undefined && uid !== pod.metadata.uid) throw conflict(kind, pod.metadata.name, `Precondition failed: UID in precondition: ${String(uid)}, UID in object meta: ${pod.metadata.uid}`);
  if (present !== undefined && present !== '') throw conflict(kind, pod.metadata.name, `pod ${pod.metadata.name} is already assigned to node "${String(present)}"`);
  const status = toJsonObject(pod.status);
  const others = Array.isArray(status.conditions) ? status.conditions.filter((condition) => toJsonObject(condition).type !== 'PodScheduled') : [];
  const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestampOf(now) };
  return { ...pod, spec: { ...toJsonObject(pod.spec), nodeName }, status: { ...status, conditions: [...others, scheduled] } };
}

/** How a write is wanted, by its query. @throws ApiError 422 */
function parseWriteOptions({ method, query, contentType, userAgent, path: { subresource } }: ResourceRequest): WriteOptions {
  const isPatch = method === 'PATCH';
  const kindOfOptions = isPatch ? 'PatchOptions' : method === 'PUT' ? 'UpdateOptions' : 'CreateOptions';
  const fieldValidation = query.get('fieldValidation') ?? 'Warn';
  if (fieldValidation !== 'Ignore' && fieldValidation !== 'Warn' && fieldValidation !== 'Strict') {
    throw invalidOptions(kindOfOptions, [unsupportedValue(['fieldValidation'], fieldValidation, ['Ignore', 'Strict', 'Warn'])]);
  }
  const dryRun = query.get('dryRun') ?? '';
  if (dryRun !== '' && dryRun !== 'All') throw invalidOptions(kindOfOptions, [unsupportedValue(['dryRun'], dryRun, ['All'])]);
  const manager = query.get('fieldManager') ?? '';
  const isApply = isPatch && contentType === APPLY_TYPE;
  const problems = [
    ...(isApply && manager === '' ? [requiredValue(['fieldManager'], 'is required for apply patch')] : []),
    ...(isPatch && !isApply && query.has('force') ? [forbiddenField(['force'], 'may not be specified for non-apply patch')] : []),
    ...(Buffer.byteLength(manager) > MAX_MANAGER_BYTES ? [tooLong(['fieldManager'], MAX_MANAGER_BYTES)] : []),
  ];
  if (problems.length > 0) throw invalidOptions(kindOfOptions, problems);
  const ownName = userAgent.split('/')[0]?.slice(0, MAX_MANAGER_BYTES) ?? '';
  return { fieldValidation, isPatch, warnings: [], dryRun: dryRun === 'All', manager: manager || ownName || 'unknown', ...(subresource === undefined ? {} : { subresource }) };
}

/** A boolean parameter: there, and not said to be false. */
function isSet(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0';
}

function bodyObject({ body }: ResourceRequest): JsonObject {
  if (!isJsonObject(body)) throw badRequest('the request body must be one object in JSON or YAML');
  return body;
}

function bodyObjectOrList(request: ResourceRequest): unknown {
  return request.method === 'PATCH' && Array.isArray(request.body) ? request.body : bodyObject(request);
}

function json(code: number, body: JsonObject): ResourceAnswer {
  return { code, json: JSON.stringify(body), warnings: [] };
}

