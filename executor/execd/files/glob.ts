import { Refusal } from '../refusal';

/** Most patterns that braces stand for. */
const MOST_ALTERNATIVES = 256;
const LONGEST_PATTERN = 1_000;

/** What a character of a pattern stands for. */
type Token = { readonly kind: 'any' | 'one' } | { readonly kind: 'text' | 'set'; readonly fits: (character: string) => boolean };

/**
 * A pattern as a test of paths below the root of a search. A pattern without a slash is about the last part of a path, one with a slash about all of
 * it: `*`, `?` and `[...]` fit within a part, `**` fits any number of parts, `{a,b}` one or the other.
 *
 * Takes no more time than the length of the pattern times that of the path, whatever they are.
 *
 * @throws Refusal of status 400 for a pattern that is none
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  if (pattern.length > LONGEST_PATTERN) {
    throw badPattern(`at most ${LONGEST_PATTERN} characters`);
  }
  const alternatives = expandBraces(pattern).map((alternative) => {
    const parts = alternative.replace(/^\/+/, '').split('/');
    const tests = parts.map((part) => (part === '**' ? '**' : tokensOf(part)));
    return { isWhole: alternative.includes('/'), tests };
  });
  return (path) =>
    alternatives.some(({ isWhole, tests }) => fitsParts(isWhole ? path.split('/') : [path.slice(path.lastIndexOf('/') + 1)], tests));
}

const badPattern = (expected: string): Refusal => new Refusal(400, 'MISSING_QUERY', `query: pattern: expected ${expected}, got another one`);

/** All that the braces of a pattern stand for. */
function expandBraces(pattern: string): readonly string[] {
  const done: string[] = [];
  const waiting = [pattern];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const group = firstGroup(next);
    if (group === undefined) {
      done.push(next);
    } else {
      const [before, after] = [next.slice(0, group.from), next.slice(group.to)];
      waiting.push(...group.options.map((option) => before + option + after));
    }
    if (done.length + waiting.length > MOST_ALTERNATIVES) {
      throw badPattern(`braces that stand for at most ${MOST_ALTERNATIVES} patterns`);
    }
  }
  return done;
}

/** The first group that no other is in, so that nested ones come one after the other. */
function firstGroup(pattern: string): { readonly from: number; readonly to: number; readonly options: readonly string[] } | undefined {
  const to = pattern.indexOf('}');
  const from = pattern.lastIndexOf('{', to < 0 ? undefined : to);
  if (from < 0 && to < 0) {
    return undefined;
  }
  if (from < 0 || to < 0) {
    throw badPattern('each { with its }');
  }
  return { from, to: to + 1, options: pattern.slice(from + 1, to).split(',') };
}

function tokensOf(part: string): readonly Token[] {
  const tokens: Token[] = [];
  const characters = [...part];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    if (character === '*') {
      if (tokens.at(-1)?.kind !== 'any') tokens.push({ kind: 'any' });
    } else if (character === '?') {
      tokens.push({ kind: 'one' });
    } else if (character === '[') {
      const end = characters.indexOf(']', at + 2);
      if (end < 0) {
        throw badPattern('each [ with its ]');
      }
      tokens.push({ kind: 'set', fits: setOf(characters.slice(at + 1, end)) });
      at = end;
    } else {
      const wanted = character === '\\' ? (characters[(at += 1)] ?? '\\') : character;
      tokens.push({ kind: 'text', fits: (given) => given === wanted });
    }
  }
  return tokens;
}

function setOf(characters: readonly string[]): (character: string) => boolean {
  const isNegated = characters[0] === '!' || characters[0] === '^';
  const members = isNegated ? characters.slice(1) : characters;
  const ranges: (readonly [first: string, last: string])[] = [];
  for (let at = 0; at < members.length; at += 1) {
    const first = members[at] ?? '';
    const isRange = members[at + 1] === '-' && at + 2 < members.length;
    ranges.push([first, isRange ? (members[at + 2] ?? first) : first]);
    at += isRange ? 2 : 0;
  }
  const code = (character: string) => character.codePointAt(0) ?? 0;
  return (character) => ranges.some(([first, last]) => code(character) >= code(first) && code(character) <= code(last)) !== isNegated;
}

const fitsParts = (parts: readonly string[], tests: readonly ('**' | readonly Token[])[]): boolean =>
  fits(parts, tests, (test) => test === '**', (part, test) => test !== '**' && fits([...part], test, ({ kind }) => kind === 'any', fitsOne));

const fitsOne = (character: string, token: Token): boolean => token.kind === 'one' || ('fits' in token && token.fits(character));

/** Whether items fit tests one by one, where some tests fit any number of items. Only the last such test is ever tried again, which is enough. */
function fits<Item, Test>(items: readonly Item[], tests: readonly Test[], isAny: (test: Test) => boolean, isFit: (item: Item, test: Test) => boolean): boolean {
  let [item, test, retryTest, retryItem] = [0, 0, -1, 0];
  while (item < items.length) {
    const wanted = tests[test];
    if (test < tests.length && isAny(wanted as Test)) {
      [retryTest, retryItem] = [test, item];
      test += 1;
    } else if (test < tests.length && isFit(items[item] as Item, wanted as Test)) {
      item += 1;
      test += 1;
    } else if (retryTest >= 0) {
      retryItem += 1;
      [item, test] = [retryItem, retryTest + 1];
    } else {
      return false;
    }
  }
  return tests.slice(test).every(isAny);
}
