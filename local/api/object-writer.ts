import { objectKey } from '../../src/schema/kubernetes';
import { type AdmissionOptions, admitChange, admitNew, checkTypeOf, type WrittenPart } from './admission';
import { type ApiMetadata, type ApiObject, apiVersionOf, keyOf, timestampOf } from './api-object';
import { alreadyExists, ApiError, badRequest, conflict, forbidden, invalid, notFound } from './api-error';
import { beginDeletion, canBeRemoved, checkPreconditions, type DeleteOptions } from './deletion';
import { invalidValue, requiredValue } from './field-problem';
import { jsonEqual, type JsonObject, withoutUndefined } from './json';
import { parseConfig } from './managed-fields/applied-config';
import type { FieldManager } from './managed-fields/entries';
import { FieldTracker, withEntries } from './managed-fields/field-tracker';
import { cleanMetadata, isTerminating, metadataOf } from './metadata';
import type { Registry } from './registry';
import type { ResourceKind } from './resource-kind';
import type { ObjectStore } from './store';
import { StoredObject } from './watch-feed';

/** How a create or a change is to be made. */
export interface WriteOptions extends AdmissionOptions {
  /** Everything but the write itself. */
  readonly dryRun: boolean;
  /** Under which name the writer owns what it writes. */
  readonly manager: string;
  /** Subresource that the request is sent to; absent for the object itself. */
  readonly subresource?: string;
}

/** What chance and time give to new objects; arguments, so that a test can hold them still. */
export interface ObjectSources {
  readonly now: () => Date;
  readonly newUid: () => string;
  /** Five characters that make a name of a generateName. */
  readonly newSuffix: () => string;
}

/** Attempts to find a free name for a generateName. */
const NAME_ATTEMPTS = 8;
/** Most characters that a generateName keeps, so that the name with its suffix has at most 63. */
const MAX_GENERATE_NAME = 58;

const IMMUTABLE = 'field is immutable';

/** Creates, changes and deletes objects by the rules that all kinds share. */
export class ObjectWriter {
  private readonly fields: FieldTracker;

  constructor(
    private readonly store: ObjectStore,
    private readonly registry: Registry,
    private readonly sources: ObjectSources,
  ) {
    this.fields = new FieldTracker(sources.now);
  }

  /** Stores a new object. @throws ApiError 400, 403, 404, 409, 422 */
  create(kind: ResourceKind, namespace: string | undefined, input: JsonObject, options: WriteOptions): StoredObject {
    checkTypeOf(input, kind, options);
    const object = this.newObject(kind, namespace, input, options);
    if (this.store.collectionOf(kind).get(objectKey(object)) !== undefined) throw alreadyExists(kind, object.metadata.name);
    const owned = this.fields.created(kind, object, metadataOf(input).managedFields, toManager('Update', kind, options));
    return options.dryRun ? this.unstored(owned) : this.store.put(kind, owned);
  }

  /**
   * Applies what `body` says of an object, or of its status; creates the object when there is none. The second value tells whether
   * it was created.
   *
   * @param force whether to take fields away from other managers
   * @throws ApiError 400, 403, 404, 409, 422, 500
   */
  apply(kind: ResourceKind, namespace: string | undefined, name: string, body: unknown, options: WriteOptions, force: boolean): { readonly stored: StoredObject; readonly isNew: boolean } {
    const config = parseConfig(body, kind, name, this.fields.typeOf(kind));
    const manager = toManager('Apply', kind, options);
    const part = partOf(options);
    const stored = this.store.collectionOf(kind).get(keyOf(namespace, name));
    if (stored !== undefined) {
      const applied = this.fields.apply(kind, stored.object, config, part, manager, force);
      return { stored: this.replace(kind, stored, part, applied.object, options, (object) => withEntries(object, applied.entries)), isNew: false };
    }
    if (options.subresource !== undefined) throw notFound(kind, name);
    const { resourceVersion: _, ...metadata } = metadataOf(config);
    if (metadata.name === undefined || metadata.name === '') throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
    const object = this.fields.createdByApply(kind, this.newObject(kind, namespace, { ...config, metadata }, options), config, manager);
    return { stored: options.dryRun ? this.unstored(object) : this.store.put(kind, object), isNew: true };
  }

  /**
   * Replaces an object, or its status, by what `change` makes of the present one. A change that changes nothing writes nothing.
   *
   * @throws ApiError 400, 404, 409, 422
   */
  change(kind: ResourceKind, key: string, change: (old: ApiObject) => JsonObject, options: WriteOptions): StoredObject {
    const part = partOf(options);
    const stored = this.get(kind, key);
    const old = stored.object;
    const input = change(old);
    const manager = toManager('Update', kind, options);
    return this.replace(kind, stored, part, input, options, (object) => this.fields.changed(kind, old, object, part, metadataOf(input).managedFields, manager));
  }

  /** Deletes an object, or begins to. The second value tells whether it is gone. @throws ApiError 404, 409 */
  delete(kind: ResourceKind, key: string, options: DeleteOptions): { readonly stored: StoredObject; readonly isGone: boolean } {
    const stored = this.get(kind, key);
    checkPreconditions(stored.object, kind, options);
    const object = beginDeletion(stored.object, kind, options, this.sources.now());
    const isGone = canBeRemoved(object, kind);
    if (options.dryRun) return { stored: this.unstored(object), isGone };
    if (isGone) return { stored: this.store.remove(kind, kind.graceSeconds === undefined ? stored.object : object), isGone };
    return { stored: object === stored.object ? stored : this.store.put(kind, object), isGone };
  }

  /** The stored object. @throws ApiError 404 */
  get(kind: ResourceKind, key: string): StoredObject {
    const stored = this.store.collectionOf(kind).get(key);
    if (stored === undefined) throw notFound(kind, key.slice(key.indexOf('/') + 1));
    return stored;
  }

  private newObject(kind: ResourceKind, namespace: string | undefined, input: JsonObject, options: WriteOptions): ApiObject {
    const metadata = this.newMetadata(kind, namespace, metadataOf(input));
    if (namespace !== undefined) this.checkNamespace(kind, namespace, metadata.name);
    return admitNew(input, metadata, kind, options);
  }

  /** Stores `input` in place of an object, or of its status; `withOwners` says who owns its fields then. */
  private replace(kind: ResourceKind, stored: StoredObject, part: WrittenPart, input: JsonObject, options: WriteOptions, withOwners: (object: ApiObject) => ApiObject): StoredObject {
    const old = stored.object;
    checkTypeOf(input, kind, options);
    this.checkIdentity(kind, old, metadataOf(input), options);
    const object = withOwners(admitChange(old, input, kind, part, options));
    if (jsonEqual(object, old)) return stored;
    if (options.dryRun) return this.unstored(object);
    if (!canBeRemoved(object, kind)) return this.store.put(kind, object);
    this.store.remove(kind, object);
    return this.unstored(object); // Kubernetes answers the change that lets a deletion end with the version of before.
  }

  private newMetadata(kind: ResourceKind, namespace: string | undefined, input: JsonObject): ApiMetadata {
    if (input.resourceVersion !== undefined && input.resourceVersion !== '') throw new ApiError(500, '', 'resourceVersion should not be set on objects to be created');
    if (namespace !== undefined && input.namespace !== undefined && input.namespace !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    const { labels, annotations, ownerReferences, finalizers, generateName, generation } = cleanMetadata(input);
    // Of a kind that counts no generations, a new object keeps the one that it came with.
    const user = { generation, labels, annotations, ownerReferences, finalizers };
    return {
      name: this.newName(kind, namespace, input),
      ...(typeof generateName === 'string' ? { generateName } : {}),
      ...(namespace === undefined ? {} : { namespace }),
      uid: this.sources.newUid(),
      resourceVersion: '',
      creationTimestamp: timestampOf(this.sources.now()),
      ...withoutUndefined(user),
    };
  }

  private newName(kind: ResourceKind, namespace: string | undefined, { name, generateName }: JsonObject): string {
    if (typeof name === 'string' && name !== '') return name;
    if (typeof generateName !== 'string' || generateName === '') throw invalid(kind, '', [requiredValue(['metadata', 'name'], 'name or generateName is required')]);
    const base = generateName.slice(0, MAX_GENERATE_NAME);
    const collection = this.store.collectionOf(kind);
    for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt += 1) {
      const candidate = base + this.sources.newSuffix();
      if (collection.get(keyOf(namespace, candidate)) === undefined) return candidate;
    }
    throw alreadyExists(kind, `${base}*`);
  }

  private checkNamespace(kind: ResourceKind, namespace: string, name: string): void {
    const namespaces = this.registry.find('', 'v1', 'namespaces');
    if (namespaces === undefined) return;
    const { object } = this.get(namespaces, namespace);
    if (!isTerminating(object)) return;
    const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' };
    throw forbidden(kind, name, `unable to create new content in namespace ${namespace} because it is being terminated`, cause);
  }

  /** Refuses a change of another object, or of another version of it, than the caller saw. */
  private checkIdentity(kind: ResourceKind, { metadata }: ApiObject, input: JsonObject, { isPatch }: WriteOptions): void {
    if (input.name !== metadata.name) throw badRequest(`the name of the object (${String(input.name ?? '')}) does not match the name on the URL (${metadata.name})`);
    if (input.namespace !== undefined && input.namespace !== metadata.namespace) throw badRequest('the namespace of the object does not match the namespace on the URL');
    if (input.deletionTimestamp !== undefined && input.deletionTimestamp !== null && metadata.deletionTimestamp === undefined) {
      throw invalid(kind, metadata.name, [invalidValue(['metadata', 'deletionTimestamp'], input.deletionTimestamp, IMMUTABLE)]);
    }
    if (input.uid !== undefined && input.uid !== '' && input.uid !== metadata.uid) {
      // Only a whole object can be meant for another one; a patch of the present one tries to change it.
      if (isPatch) throw invalid(kind, metadata.name, [invalidValue(['metadata', 'uid'], input.uid, IMMUTABLE)]);
      throw conflict(kind, metadata.name, `Precondition failed: UID in precondition: ${String(input.uid)}, UID in object meta: ${metadata.uid}`);
    }
    if (input.resourceVersion === undefined || input.resourceVersion === '') {
      if (!kind.custom) return;
      throw invalid(kind, metadata.name, [invalidValue(['metadata', 'resourceVersion'], 0, 'must be specified for an update')]);
    }
    if (input.resourceVersion !== metadata.resourceVersion) {
      throw conflict(kind, metadata.name, 'the object has been modified; please apply your changes to the latest version and try again');
    }
  }

  private unstored(object: ApiObject): StoredObject {
    return new StoredObject(object, this.store.currentVersion);
  }
}

/** The part of an object that a request writes through the subresource it is sent to. */
function partOf({ subresource }: WriteOptions): WrittenPart {
  return subresource === 'status' || subresource === 'binding' ? subresource : 'object';
}

function toManager(operation: FieldManager['operation'], { group, version }: ResourceKind, { manager, subresource }: WriteOptions): FieldManager {
  return { manager, operation, apiVersion: apiVersionOf(group, version), ...(subresource === undefined ? {} : { subresource }) };
}
