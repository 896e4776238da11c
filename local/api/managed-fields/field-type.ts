import { mergeTableOf } from '../../../src/schema/merge-tables';
import type { ResourceKind } from '../resource-kind';
import { schemaOfField, type StructuralSchema } from '../structural-schema';

/** A field by which items of a list are told apart, and its value where an item does not say it. */
export interface ItemKey {
  readonly name: string;
  readonly default?: unknown;
}

/** How the value of a field is owned and merged: as a whole, or part by part. Says nothing of values that are neither list nor object. */
export interface FieldType {
  /** Whether an object is owned and replaced as a whole. */
  readonly isAtomicObject: boolean;
  /** Whether a list is replaced as a whole, is a set of values, or has items with keys. */
  readonly list: 'atomic' | 'set' | readonly ItemKey[];
  readonly items: FieldType;
  /** Whether the schema names a field of the object. Other fields, such as labels, come and go: whoever makes one owns it as such. */
  names(field: string): boolean;
  field(name: string): FieldType;
}

/** The type of the objects of a kind. */
export function typeOfKind(kind: ResourceKind): FieldType {
  return kind.custom ? new SchemaType(kind.schema.source, true) : new BuiltInTypes(kind.kind).find('');
}

/** Where the schema knows nothing: objects by parts, lists as a whole. */
class FreeType implements FieldType {
  readonly isAtomicObject = false;
  readonly list = 'atomic';

  get items(): FieldType {
    return this;
  }

  names(): boolean {
    return false;
  }

  field(): FieldType {
    return this;
  }
}

/** Fields of a custom kind, as its schema says. */
class SchemaType implements FieldType {
  readonly isAtomicObject: boolean;
  readonly list: FieldType['list'];
  private readonly fields = new Map<string, FieldType>();
  private itemType: FieldType | undefined;

  constructor(
    private readonly schema: StructuralSchema,
    private readonly isResource: boolean,
  ) {
    this.isAtomicObject = schema['x-kubernetes-map-type'] === 'atomic';
    const form = schema['x-kubernetes-list-type'] ?? 'atomic';
    this.list = form === 'map' ? itemKeys(schema['x-kubernetes-list-map-keys'] ?? [], schema.items) : form;
  }

  get items(): FieldType {
    this.itemType ??= typeOfSchema(this.schema.items);
    return this.itemType;
  }

  names(field: string): boolean {
    return (this.isResource && field === 'metadata') || (this.schema.properties !== undefined && Object.hasOwn(this.schema.properties, field));
  }

  field(name: string): FieldType {
    const known = this.fields.get(name);
    if (known !== undefined) return known;
    const type = this.isResource && name === 'metadata' ? new BuiltInTypes('').find('metadata') : typeOfSchema(schemaOfField(this.schema, name));
    this.fields.set(name, type);
    return type;
  }
}

function typeOfSchema(schema: StructuralSchema | undefined): FieldType {
  return schema === undefined ? new FreeType() : new SchemaType(schema, schema['x-kubernetes-embedded-resource'] === true);
}

function itemKeys(names: readonly string[], items: StructuralSchema | undefined): readonly ItemKey[] {
  return [...names].sort().map((name) => ({ name, default: items?.properties?.[name]?.default }));
}

/** Objects of built-in kinds that are replaced as a whole. */
const ATOMIC_OBJECTS = new Set([
  'configMapKeyRef', 'fieldRef', 'involvedObject', 'labelSelector', 'namespaceSelector', 'nodePublishSecretRef', 'nodeSelector', 'podSelector', 'regarding',
  'related', 'requiredDuringSchedulingIgnoredDuringExecution', 'resourceFieldRef', 'roleRef', 'scopeSelector', 'secretKeyRef', 'selector',
]);
/** Lists with keys whose items are nevertheless replaced as a whole. */
const ATOMIC_ITEMS = new Set(['imagePullSecrets', 'ownerReferences', 'secrets']);
/** Lists that a strategic merge patch merges, and server-side apply does not. */
const ATOMIC_LISTS: Readonly<Record<string, readonly string[]>> = { Pod: ['hostIPs'], Job: ['conditions'] };
/** Keys beyond the one that a strategic merge patch knows. */
const MORE_KEYS: Readonly<Record<string, ItemKey>> = { ports: { name: 'protocol', default: 'TCP' }, topologySpreadConstraints: { name: 'whenUnsatisfiable' } };

/** Fields of one built-in kind, told apart by name as in a strategic merge patch: in no kind do two of a name differ. */
class BuiltInTypes {
  private readonly types = new Map<string, FieldType>();

  constructor(private readonly kind: string) {}

  find(name: string, isAtomicObject = ATOMIC_OBJECTS.has(name)): FieldType {
    const key = isAtomicObject ? `${name}, as a whole` : name;
    const known = this.types.get(key);
    if (known !== undefined) return known;
    const find = this.find.bind(this);
    const type: FieldType = {
      isAtomicObject,
      list: this.listOf(name),
      get items() {
        return find('', ATOMIC_ITEMS.has(name));
      },
      names: () => true,
      field: (child) => find(child),
    };
    this.types.set(key, type);
    return type;
  }

  private listOf(name: string): FieldType['list'] {
    const { keys, sets } = mergeTableOf(this.kind);
    if (ATOMIC_LISTS[this.kind]?.includes(name) === true) return 'atomic';
    if (sets.includes(name)) return 'set';
    const key = keys[name];
    const more = MORE_KEYS[name];
    return key === undefined ? 'atomic' : [{ name: key }, ...(more === undefined ? [] : [more])];
  }
}
