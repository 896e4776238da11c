import { type Problems } from './problems';
import { brokenRules, parseStrict } from './schema/validation';

/** Where each prop of a construct ends up in the rendered spec, such as `bufferMin: 'capacitySpec.bufferMin'`; undefined: nowhere of its own. */
export type SpecPathByProp<Props> = Readonly<Record<keyof Props, string | undefined>>;

/** Checks what a construct renders by the schema that the API server and the operator use, and reports the problems under the names of props. */
export function checkSpec(problems: Problems, schema: Parameters<typeof parseStrict>[0], spec: unknown, paths: SpecPathByProp<unknown>): void {
  const parsed = parseStrict(schema, spec);
  if (!parsed.ok) {
    const found = parsed.problems;
    // A wrong type elsewhere in the spec is no reason to keep quiet about two fields that contradict each other.
    const contradictions = brokenRules(schema, spec).filter(({ path }) => !found.some((problem) => parentOf(problem.path) === parentOf(path)));
    problems.addAll([...found, ...contradictions].map((problem) => ({ ...problem, path: toPropPath(problem.path, paths) })));
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('.'), 0));
}

function toPropPath(path: string, paths: SpecPathByProp<unknown>): string {
  for (const [prop, specPath] of Object.entries<string | undefined>(paths)) {
    if (specPath !== undefined && (path === specPath || path.startsWith(`${specPath}.`) || path.startsWith(`${specPath}[`))) {
      return prop + path.slice(specPath.length);
    }
  }
  return path;
}
