import { ApiError, badRequest } from './api-error';
import { isJsonObject, jsonEqual, type JsonObject, toJsonObject } from './json';

/** Applies a JSON merge patch: null removes a field, an object merges, everything else replaces. @see RFC 7396 */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, unknown> = { ...toJsonObject(target) };
  for (const key of Object.keys(patch)) {
    if (patch[key] === null) delete result[key];
    else result[key] = applyMergePatch(result[key], patch[key]);
  }
  return result;
}

/**
 * Applies a JSON patch, all operations or none.
 *
 * As in Kubernetes, and unlike RFC 6902, `replace` sets a field that is not there, and for `test` such a field is null.
 *
 * @throws ApiError 400 when the patch is no list, 422 when it is malformed, does not fit the document, or a test fails
 * @see RFC 6902
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: a JSON patch is a list of operations');
  return patch.reduce((document: unknown, operation) => applyOperation(document, parseOperation(operation)), target);
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from: string;
  readonly value: unknown;
}

function parseOperation(operation: unknown): Operation {
  const { op, path, from, value } = toJsonObject(operation);
  if (typeof op !== 'string' || typeof path !== 'string') throw malformed();
  if ((op === 'move' || op === 'copy') && typeof from !== 'string') throw malformed();
  return { op, path, from: typeof from === 'string' ? from : '', value };
}

function applyOperation(document: unknown, { op, path, from, value }: Operation): unknown {
  const steps = parsePointer(path);
  switch (op) {
    case 'add':
      return add(document, steps, value);
    case 'remove':
      return remove(document, steps, op);
    case 'replace':
      return replace(document, steps, value);
    case 'move':
      return add(remove(document, parsePointer(from), op), steps, read(document, parsePointer(from), op));
    case 'copy':
      return add(document, steps, read(document, parsePointer(from), op));
    case 'test':
      if (!jsonEqual(readOrNull(document, steps), value)) throw doesNotApply(`testing value ${path} failed: test failed`);
      return document;
    default:
      throw malformed();
  }
}

function parsePointer(pointer: string): string[] {
  return pointer.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: unknown, steps: readonly string[], op: string): unknown {
  let value = document;
  for (const step of steps) value = childOf(value, step, op);
  return value;
}

function add(document: unknown, steps: readonly string[], value: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (rest.length > 0) return withChild(document, step, add(childOf(document, step, 'add'), rest, value));
  if (!Array.isArray(document)) return withChild(document, step, value);
  const index = step === '-' ? document.length : Number(step);
  if (!Number.isInteger(index) || index < 0 || index > document.length) throw doesNotApply(`add operation does not apply: index '${step}' is out of range`);
  return document.toSpliced(index, 0, value);
}

function replace(document: unknown, steps: readonly string[], value: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (rest.length > 0) return withChild(document, step, replace(childOf(document, step, 'replace'), rest, value));
  if (Array.isArray(document)) childOf(document, step, 'replace');
  return withChild(document, step, value);
}

function readOrNull(document: unknown, steps: readonly string[]): unknown {
  const parent = read(document, steps.slice(0, -1), 'test');
  const last = steps.at(-1);
  if (last === undefined) return parent;
  return isJsonObject(parent) && !Object.hasOwn(parent, last) ? null : childOf(parent, last, 'test');
}

function remove(document: unknown, steps: readonly string[], op: string): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) throw doesNotApply(`${op} operation does not apply: the whole document can not be removed`);
  const child = childOf(document, step, op);
  if (rest.length > 0) return withChild(document, step, remove(child, rest, op));
  if (Array.isArray(document)) return document.toSpliced(Number(step), 1);
  const { [step]: _, ...others } = toJsonObject(document);
  return others;
}

function childOf(value: unknown, step: string, op: string): unknown {
  if (Array.isArray(value) && /^\d+$/.test(step) && Number(step) < value.length) return value[Number(step)];
  if (isJsonObject(value) && Object.hasOwn(value, step)) return value[step];
  throw doesNotApply(`${op} operation does not apply: doc is missing path: ${step}`);
}

function withChild(parent: unknown, step: string, child: unknown): unknown {
  if (Array.isArray(parent)) return parent.with(Number(step), child);
  if (isJsonObject(parent)) return { ...parent, [step]: child } satisfies JsonObject;
  throw doesNotApply(`add operation does not apply: doc is missing path: ${step}`);
}

const REJECTED = 'the server rejected our request due to an error in our request';

function malformed(): ApiError {
  return new ApiError(422, 'Invalid', REJECTED, {});
}

/** A patch that is well-formed and does not fit; Kubernetes hides the cause in the details. */
function doesNotApply(why: string): ApiError {
  return new ApiError(422, 'Invalid', REJECTED, { causes: [{ reason: 'UnexpectedServerResponse', message: why }] });
}
