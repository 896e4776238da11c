import type { StructuralSchema } from '../../src/schema/structural';

/** A field of a kind of ours. */
export interface FieldPath {
  /** As `kubectl explain` names it, such as `pool.status.conditions.type`. */
  readonly path: string;
  readonly description: string;
}

/** Every field in spec and status of a kind. @param path its name in `kubectl explain` */
export function fieldPathsOf({ properties = {}, items }: StructuralSchema, path: string): readonly FieldPath[] {
  const isOurs = ([name]: [string, StructuralSchema]) => path.includes('.') || name === 'spec' || name === 'status';
  const fields = Object.entries(properties).filter(isOurs).flatMap(([name, field]) => [
    { path: `${path}.${name}`, description: field.description ?? 'nothing' },
    ...fieldPathsOf(field, `${path}.${name}`),
  ]);
  return items === undefined ? fields : [...fields, ...fieldPathsOf(items, path)];
}
