import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readPage, tableRows } from './support/markdown';
import { filesOf, importsOf, ROOT } from './support/source-imports';
import { textsOf } from './support/source-literals';

/** What the table says of a rule that nothing shows. */
const NOT_YET = 'not yet';
/** What the table says of a rule that nobody can see on one of the clusters, with the reason behind it. */
const INSIDE = /^inside: \S/;
const BOTH = 'embedded, kubernetes';

const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
/** Rules that only pause, resume and snapshots need, which come later. */
const LATER: readonly number[] = [23, ...numbers(79, 91), ...numbers(128, 130)];
/** The same of the lifecycle server. */
const LATER_OF_SERVER = 29;
/** Rules of the operator, of section 11 of the executor's reference, and of section 16 of the server's. */
const RULES = [
  ...numbers(1, 136).filter((number) => !LATER.includes(number)).map((number) => `R${number}`),
  ...numbers(1, 30).map((number) => `X${number}`),
  ...numbers(1, 49).filter((number) => number !== LATER_OF_SERVER).map((number) => `L${number}`),
];

const NAMED_AT_END = /\(((?:[RXL]\d+, )*[RXL]\d+)\)$/;
const NAMED_AT_BEGIN = /^[RXL]\d+(, [RXL]\d+| to [RXL]\d+)*:/;

/** Texts of all test files, and of those that hold tests of the server for them; a title may stand in a table. */
const texts = [...new Set(filesOf('test/**/*.test.ts', 'test/server/**/*.ts'))]
  .filter((file) => !file.startsWith('test/.tmp/') && /[RXL]\d/.test(readPage(file)))
  .map((file) => ({ file, texts: textsOf(file) }));

/** Files by the rules that their titles name. */
const filesByRule = new Map<string, Set<string>>();
for (const { file, texts: titles } of texts) {
  for (const rule of titles.flatMap((title) => NAMED_AT_END.exec(title)?.[1]?.split(', ') ?? [])) {
    filesByRule.set(rule, (filesByRule.get(rule) ?? new Set()).add(file));
  }
}

interface Row {
  readonly rule: string;
  /** Files of tests, or {@link NOT_YET} alone. */
  readonly shownBy: readonly string[];
  readonly clusters: string;
}

const page = readPage('docs/rules.md');
const rows = ['The operator', 'The executor', 'The lifecycle server'].flatMap((heading) =>
  tableRows(page, heading).map(([rule = '', , shownBy = '', clusters = '']): Row => ({ rule, shownBy: shownBy.split(', '), clusters })),
);

test('the table has every rule once, in order', () => {
  expect(rows.map(({ rule }) => rule)).toEqual(RULES);
});

test('a title names rules at its end, and only rules that there are', () => {
  const unknown = [...filesByRule].filter(([rule]) => !RULES.includes(rule)).map(([rule, files]) => `${[...files].join(', ')}: ${rule}`);
  const misplaced = texts.flatMap(({ file, texts: titles }) => titles.filter((title) => NAMED_AT_BEGIN.test(title)).map((title) => `${file}: ${title}`));
  expect([...unknown, ...misplaced]).toEqual([]);
});

test('every rule is shown by tests that name it, but for those that the table leaves open', () => {
  expect(rows.flatMap(problemsOf)).toEqual([]);
});

test('the clusters are those on which the tests run', () => {
  const shown = rows.filter(({ shownBy, clusters }) => !shownBy.includes(NOT_YET) && !INSIDE.test(clusters));
  expect(shown.map(({ rule, clusters }) => `${rule}: ${clusters}`)).toEqual(shown.map(({ rule, shownBy }) => `${rule}: ${clustersOf(shownBy.map(toFile))}`));
});

test('the operator keeps each rule on both clusters, but for those that only its own tests can see', () => {
  const seen = rows.filter(({ rule }) => rule.startsWith('R')).map(({ rule, shownBy, clusters }) => ({ rule, isInside: INSIDE.test(clusters), used: clustersOf(shownBy.map(toFile)) }));
  expect(seen.filter(({ isInside, used }) => isInside === (used === BOTH))).toEqual([]);
});

function problemsOf({ rule, shownBy }: Row): readonly string[] {
  const files = [...(filesByRule.get(rule) ?? [])];
  const named = files.map((file) => `'${toName(file)}'`).join(', ');
  if (shownBy.includes(NOT_YET)) return files.length === 0 ? [] : [`${rule}: expected ${named}, got '${NOT_YET}'`];
  return shownBy.filter((name) => !files.includes(toFile(name))).map((name) => `${rule}: expected ${named || `'${NOT_YET}'`}, got '${name}', which does not name it`);
}

/** Clusters that the tests of these files use, as a cell of the table. */
function clustersOf(files: readonly string[]): string {
  const used = files.map((file) => {
    if (file.startsWith('test/acceptance/')) return ['embedded', 'kubernetes'];
    if (/^test\/(kubernetes|cluster)\//.test(file)) return ['kubernetes'];
    const usesEmbedded = file.startsWith('test/faults/') || importsOf(file).some(({ specifier }) => /(support\/(operator-in-process|sandboxes)|local\/(api\/server|cluster)|server-under-test)$/.test(specifier));
    return usesEmbedded ? ['embedded'] : [];
  });
  return [...new Set(used.flat())].sort().join(', ') || '–';
}

function toFile(name: string): string {
  const file = `test/${name}.test.ts`;
  return existsSync(join(ROOT, file)) ? file : `test/${name}.ts`;
}

function toName(file: string): string {
  return file.slice('test/'.length).replace(/(\.test)?\.ts$/, '');
}
