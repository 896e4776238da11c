import { type Problems } from './problems';
import { isRecord } from './schema/validation';

/** Sentence for {@link hasCycle}. */
export const ACYCLIC_SENTENCE = 'plain data that does not contain itself';

/** Checks that `value` is data as manifests hold it; anything else fails in the middle of writing them. Returns whether it is. */
export function checkPlain(problems: Problems, path: string, value: unknown): boolean {
  if (hasCycle(value)) {
    problems.addKind(path, ACYCLIC_SENTENCE, value);
    return false;
  }
  const before = problems.all.length;
  checkParts(problems, path, value);
  return problems.all.length === before;
}

function checkParts(problems: Problems, path: string, value: unknown): void {
  if (Array.isArray(value)) {
    value.forEach((item: unknown, index) => checkParts(problems, `${path}[${index}]`, item));
  } else if (isRecord(value)) {
    if (!isPlainObject(value)) {
      problems.add(path, 'plain data', `an instance of ${classOf(value)}`);
      return;
    }
    if (Object.hasOwn(value, 'constructor')) {
      problems.add(path, "no key 'constructor' (cdk8s takes it for the class of the object)", 'constructor');
      return;
    }
    for (const [key, field] of Object.entries(value)) {
      checkParts(problems, `${path}.${key}`, field);
    }
  } else if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
    problems.addKind(path, 'plain data', value);
  } else if (typeof value === 'number' && !Number.isFinite(value)) {
    problems.add(path, 'a finite number', value);
  }
}

/** Whether a list or plain object is part of itself; each is looked at once, however often it is used. Instances of classes are not opened. */
export function hasCycle(value: unknown): boolean {
  const open = new Set<object>();
  const closed = new Set<object>();
  const leadsBack = (part: unknown): boolean => {
    const isOpened = typeof part === 'object' && part !== null && (Array.isArray(part) || isPlainObject(part));
    if (!isOpened || closed.has(part)) {
      return false;
    }
    if (open.has(part)) {
      return true;
    }
    open.add(part);
    const found = Object.values(part).some(leadsBack);
    open.delete(part);
    closed.add(part);
    return found;
  };
  return leadsBack(value);
}

/** Whether `value` is an object that is of no class, be it of this realm or another. */
export function isPlainObject(value: unknown): boolean {
  if (!isRecord(value)) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Name of the class of an object that is not plain. */
const classOf = (value: object): string => (Object.getPrototypeOf(value) as object).constructor.name;
