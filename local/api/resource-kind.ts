import type { ApiObject } from './api-object';
import type { FieldProblem } from './field-problem';
import type { JsonObject } from './json';
import type { ObjectSchema } from './object-schema';

/** One column of `kubectl get`. */
export interface Column {
  readonly name: string;
  /** `string`, `integer`, `number`, `boolean` or `date`; a date is shown as an age. */
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  /** 0 is always shown, more only by `-o wide`. */
  readonly priority?: number;
  /** The cell of an object; undefined is an empty cell. */
  readonly value: (object: ApiObject, now: Date) => unknown;
}

/** Where the scale subresource reads and writes, as simple paths below the object. */
export interface ScalePaths {
  readonly spec: readonly string[];
  readonly status: readonly string[];
  readonly selector?: readonly string[];
}

/** Everything the server knows about one kind of object. */
export interface ResourceKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Defined by a CRD: no strategic merge patch, and an update must say the resourceVersion it saw. */
  readonly custom: boolean;
  /** `status` is a subresource: written only through it, and never by it anything else. */
  readonly hasStatus: boolean;
  readonly scale?: ScalePaths;
  /** `metadata.generation` counts changes of everything but metadata and status. */
  readonly countsGenerations: boolean;
  /** How a name must look. */
  readonly nameForm: NameForm;
  /** Fields below the object that a field selector may read, beside name and namespace. */
  readonly selectableFields: readonly (readonly string[])[];
  readonly columns: readonly Column[];
  readonly schema: ObjectSchema;
  /** What a body means, of a kind that lets writers say the same in two ways. */
  readonly read?: (body: JsonObject) => JsonObject;
  /** Completes a new object beyond what the schema defaults. */
  readonly complete?: (object: JsonObject, now: Date) => JsonObject;
  /** What changes in an object when its deletion begins, such as a phase or a finalizer. */
  readonly markDeleted?: (object: ApiObject) => ApiObject;
  /** Seconds that an object may take to end when its deletion does not say; absent means it ends at once. */
  readonly graceSeconds?: (object: ApiObject) => number;
  /** Checks beyond the schema; `old` is there on an update. */
  readonly check?: (object: ApiObject, old: ApiObject | undefined) => readonly FieldProblem[];
}

/** `subdomain` is the rule for most kinds, `label` the shorter DNS label, `pathSegment` RBAC's free form. */
export type NameForm = 'subdomain' | 'label' | 'pathSegment';
