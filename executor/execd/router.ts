import { Refusal } from './refusal';
import type { Call } from './calls';

/** Answers a call, or throws what it is answered with. */
export type Route = (call: Call) => void | Promise<void>;

/** Path with `{names}` -> method -> what answers; `{name*}` at the end stands for all that follows. */
export type RouteTable = Readonly<Record<string, Readonly<Record<string, Route>>>>;

/** What answers a request, and the parts of its path. */
export interface FoundRoute {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

interface Pattern {
  readonly parts: readonly string[];
  readonly methods: Readonly<Record<string, Route>>;
}

/** Finds routes by path and method; of several that fit, the one that comes first in the table. */
export class Router {
  private readonly patterns: readonly Pattern[];

  constructor(table: RouteTable) {
    this.patterns = Object.entries(table).map(([path, methods]) => ({ parts: path.split('/'), methods }));
  }

  /**
   * @param pathname as it came, percent-encoded
   * @throws Refusal of status 404 for an unknown path, 405 for a method that it does not take
   */
  find(method: string, pathname: string): FoundRoute {
    const parts = pathname.split('/');
    let taken: Pattern | undefined;
    for (const pattern of this.patterns) {
      const params = match(pattern.parts, parts);
      const route = params && (pattern.methods[method] ?? pattern.methods['ANY']);
      if (route !== undefined) {
        return { route, params: params ?? {} };
      }
      taken ??= params && pattern;
    }
    if (taken === undefined) {
      throw new Refusal(404, 'UNKNOWN', 'path: expected one of the API, got another one');
    }
    throw new Refusal(405, 'UNKNOWN', `method: expected ${Object.keys(taken.methods).join(' or ')}, got ${method.slice(0, 20)}`, {
      allow: Object.keys(taken.methods).join(', '),
    });
  }
}

/** Parts of the path by the names of the pattern; undefined when it does not fit. */
function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  const isOpen = pattern.at(-1)?.endsWith('*}') === true;
  if (isOpen ? parts.length < pattern.length - 1 : parts.length !== pattern.length) {
    return undefined;
  }
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const name = /^\{(\w+)(\*?)\}$/.exec(part);
    if (name === null) {
      if (parts[index] !== part) {
        return undefined;
      }
    } else {
      params[name[1] ?? ''] = name[2] === '*' ? parts.slice(index).join('/') : decode(parts[index] ?? '');
    }
  }
  return params;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
