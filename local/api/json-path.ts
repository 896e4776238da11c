import { isJsonObject } from './json';

/** Everything that a path finds in a value, in order. */
export type JsonPath = (root: unknown) => readonly unknown[];

type Step = (value: unknown) => readonly unknown[];

/**
 * Compiles a simple JSONPath as printer columns use it: `.a.b`, `['a.b']`, `[0]`, `[*]` and `[?(@.type=="Ready")]`.
 *
 * @throws Error when the path has a form beyond these
 * @see https://kubernetes.io/docs/reference/kubectl/jsonpath/
 */
export function compileJsonPath(text: string): JsonPath {
  const steps: Step[] = [];
  let rest = text.trim().replace(/^\{(.*)\}$/, '$1').replace(/^\$/, '');
  while (rest !== '' && rest !== '.') {
    const form = FORMS.find(({ pattern }) => pattern.test(rest));
    const match = form?.pattern.exec(rest);
    if (form === undefined || match === null || match === undefined) throw new Error(`JSON path '${text}': can not read '${rest}'`);
    steps.push(form.step(match[1] ?? '', match[2] ?? ''));
    rest = rest.slice(match[0].length);
  }
  return (root) => steps.reduce<readonly unknown[]>((values, step) => values.flatMap(step), [root]);
}

const FORMS: readonly { readonly pattern: RegExp; readonly step: (first: string, second: string) => Step }[] = [
  { pattern: /^\.?\[(-?\d+)\]/, step: (index) => (value) => (Array.isArray(value) ? present(value.at(Number(index))) : []) },
  { pattern: /^\.?\[['"]((?:[^'"\\]|\\.)*)['"]\]/, step: (name) => fieldStep(name.replaceAll(/\\(.)/g, '$1')) },
  { pattern: /^\.?(?:\[\*\]|\.\*)/, step: () => (value) => (Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : []) },
  { pattern: /^\.?\[\?\(@((?:\.[\w-]+)+)\s*==\s*['"]?([^'")]*)['"]?\)\]/, step: (path, wanted) => filterStep(path, wanted) },
  { pattern: /^\.((?:[^.[\\]|\\.)+)/, step: (name) => fieldStep(name.replaceAll(/\\(.)/g, '$1')) },
];

function fieldStep(name: string): Step {
  return (value) => (isJsonObject(value) && Object.hasOwn(value, name) ? present(value[name]) : []);
}

function filterStep(path: string, wanted: string): Step {
  const find = compileJsonPath(path);
  return (value) => (Array.isArray(value) ? value.filter((item) => find(item).some((found) => String(found) === wanted)) : []);
}

function present(value: unknown): readonly unknown[] {
  return value === undefined || value === null ? [] : [value];
}
