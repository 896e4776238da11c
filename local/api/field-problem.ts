/** Steps from the root of an object to a field. */
export type FieldPath = readonly (string | number)[];

/**
 * One thing that is wrong with an object, in Kubernetes' words.
 *
 * @see k8s.io/apimachinery/pkg/util/validation/field, whose texts clients and people know
 */
export interface FieldProblem {
  readonly path: FieldPath;
  /** Path as text, such as `spec.containers[0].name`. */
  readonly field: string;
  /** Machine-readable cause, such as `FieldValueInvalid`. */
  readonly reason: string;
  /** The sentence without the field. */
  readonly body: string;
}

export function invalidValue(path: FieldPath, value: unknown, detail: string): FieldProblem {
  return problem(path, 'FieldValueInvalid', `Invalid value: ${valueText(value)}: ${detail}`);
}

/** A value of another type; Kubernetes shows the name of the type found in place of the value. */
export function wrongType(path: FieldPath, wanted: string, value: unknown): FieldProblem {
  const found = typeName(value);
  const body = `Invalid value: "${found}": ${fieldText(path)} in body must be of type ${wanted}: "${found}"`;
  return problem(path, 'FieldValueTypeInvalid', body);
}

export function requiredValue(path: FieldPath, detail = ''): FieldProblem {
  return problem(path, 'FieldValueRequired', detail === '' ? 'Required value' : `Required value: ${detail}`);
}

export function unsupportedValue(path: FieldPath, value: unknown, supported: readonly unknown[]): FieldProblem {
  const list = supported.map(valueText).join(', ');
  return problem(path, 'FieldValueNotSupported', `Unsupported value: ${valueText(value)}: supported values: ${list}`);
}

export function duplicateValue(path: FieldPath, value: unknown): FieldProblem {
  return problem(path, 'FieldValueDuplicate', `Duplicate value: ${valueText(value)}`);
}

export function forbiddenField(path: FieldPath, detail: string): FieldProblem {
  return problem(path, 'FieldValueForbidden', `Forbidden: ${detail}`);
}

export function tooLong(path: FieldPath, maxBytes: number): FieldProblem {
  return problem(path, 'FieldValueTooLong', `Too long: may not be more than ${maxBytes} bytes`);
}

export function tooMany(path: FieldPath, count: number, maxItems: number): FieldProblem {
  return problem(path, 'FieldValueTooMany', `Too many: ${count}: must have at most ${maxItems} items`);
}

/** `field: body`, as it stands in the message of a Status. */
export function problemText({ field, body }: FieldProblem): string {
  return `${field}: ${body}`;
}

/** A path as text: `spec.slots[3].name`. */
export function fieldText(path: FieldPath): string {
  if (path.length === 0) return '<nil>';
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}

function problem(path: FieldPath, reason: string, body: string): FieldProblem {
  return { path, field: fieldText(path), reason, body };
}

function valueText(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value);
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
