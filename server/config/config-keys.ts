import { z } from 'zod';
import { nearest } from '../../src/schema/nearest';
import { isRecord } from '../../src/schema/validation';

/** A key of the configuration, as documents list it. */
export interface ConfigKey {
  /** Such as `server.port`. */
  readonly path: string;
  readonly schema: z.ZodType;
  readonly description: string;
  /** Why it changes nothing. @default - it does */
  readonly unused?: string;
}

/** Every key of a configuration, sections opened as far as they have keys of their own. */
export function keysOf(schema: z.ZodType, path = ''): ConfigKey[] {
  const inner = unwrap(schema);
  const meta = z.globalRegistry.get(schema);
  const unused = meta?.['unused'] as string | undefined;
  if (inner instanceof z.ZodObject && unused === undefined && (path === '' || meta?.description === undefined)) {
    return Object.entries(inner.shape).flatMap(([name, field]) => keysOf(field as z.ZodType, path === '' ? name : `${path}.${name}`));
  }
  return [{ path, schema, description: meta?.description ?? '', unused }];
}

/** One sentence for each key of a configuration that nobody knows, with the nearest one that there is. */
export function unknownKeys(schema: z.ZodType, value: unknown, path = ''): string[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value)) return value.flatMap((item, index) => unknownKeys(inner.element as z.ZodType, item, `${path}[${index}]`));
  if (!(inner instanceof z.ZodObject) || !isRecord(value)) return [];
  const shape = inner.shape as Readonly<Record<string, z.ZodType>>;
  return Object.entries(value).flatMap(([name, part]) => {
    const at = path === '' ? name : `${path}.${name}`;
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (field !== undefined) return unknownKeys(field, part, at);
    const suggestion = nearest(name, Object.keys(shape));
    return [`${at}: no such key${suggestion === undefined ? '' : `; did you mean '${suggestion}'?`}`];
  });
}

/** One sentence for each key that is set and changes nothing. */
export function unusedKeys(schema: z.ZodType, value: unknown): string[] {
  return keysOf(schema).flatMap(({ path, unused }) => (unused !== undefined && valueAt(value, path) !== undefined ? [`${path}: without effect, since ${unused}`] : []));
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (isRecord(at) && Object.hasOwn(at, name) ? at[name] : undefined), value);
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? unwrap(schema.unwrap() as z.ZodType) : schema;
}
