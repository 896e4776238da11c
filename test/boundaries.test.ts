import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import packageJson from '../package.json';
import { filesOf, importsOf, packageOf, packagesReachedFrom, parseFile, pathOf, ROOT } from './support/source-imports';

/** What the sources of one room may import beside Node's own modules and their own room. */
interface Room {
  readonly rooms: readonly string[];
  readonly packages: readonly string[];
}

const contract = ['src/schema', 'src/program'];

const ROOMS: Readonly<Record<string, Room>> = {
  'src/schema': { rooms: [], packages: ['zod'] },
  'src/program': { rooms: ['src/schema'], packages: ['@hono/node-server', 'hono', 'jose', 'pino', 'prom-client'] },
  src: { rooms: ['src/schema'], packages: ['cdk8s', 'cdk8s-plus-28', 'constructs'] },
  'operator/kube': { rooms: contract, packages: ['@kubernetes/client-node', 'undici'] },
  operator: { rooms: ['operator/kube', ...contract], packages: [] },
  'operator/assign': { rooms: ['operator', 'operator/kube', ...contract], packages: [] },
  'operator/recycle': { rooms: ['operator', 'operator/kube', ...contract], packages: [] },
  'operator/pool': { rooms: ['operator', 'operator/kube', ...contract], packages: [] },
  'operator/tasks': { rooms: ['operator', 'operator/kube', ...contract], packages: ['jose', 'undici', 'zod'] },
  'operator/batch': { rooms: ['operator', 'operator/kube', 'operator/tasks', ...contract], packages: [] },
  server: { rooms: ['server/config', 'server/diagnostics', 'server/pools', 'server/proxy', 'server/sandboxes', 'server/web', 'operator/kube', ...contract], packages: ['zod'] },
  'server/config': { rooms: contract, packages: ['smol-toml', 'yaml', 'zod'] },
  'server/web': { rooms: ['server', ...contract], packages: ['@hono/node-server', 'hono', 'zod'] },
  'server/diagnostics': { rooms: ['server', 'server/sandboxes', 'server/web', 'operator/kube', ...contract], packages: ['zod'] },
  'server/pools': { rooms: ['server', 'server/web', 'operator/kube', ...contract], packages: ['zod'] },
  'server/proxy': { rooms: ['server', 'server/sandboxes', 'server/web', ...contract], packages: [] },
  'server/sandboxes': { rooms: ['server', 'server/pools', 'server/web', 'operator/kube', ...contract], packages: ['zod'] },
  executor: { rooms: contract, packages: ['jose', 'zod'] },
  'executor/execd': { rooms: ['executor', ...contract], packages: ['ws', 'zod'] },
  'local/api': { rooms: contract, packages: ['@hono/node-server', '@marcbachmann/cel-js', 'ajv-formats', 'hono', 'ws', 'yaml'] },
  'local/nodes': { rooms: ['operator/kube', ...contract], packages: [] },
  local: { rooms: ['local/api', 'local/nodes', 'operator/kube', ...contract], packages: ['commander', 'listr2', 'yaml'] },
  images: { rooms: ['local', 'local/nodes', 'src/schema'], packages: ['commander'] },
  examples: { rooms: [], packages: ['cdk8s', 'cdk8s-plus-28', 'cdk8s-sandboxes', 'constructs'] },
};

/** Files that may import more than their room: they put the parts of their program together. */
const MORE_ROOMS: Readonly<Record<string, readonly string[]>> = {
  'executor/serve.ts': ['executor/execd'],
  'operator/manager.ts': ['operator/assign', 'operator/batch', 'operator/pool', 'operator/recycle', 'operator/tasks'],
};

/** Packages that belong to certain files of a room. */
const FILES_OF_PACKAGE: Readonly<Record<string, RegExp>> = {
  '@kubernetes/client-node': /^operator\/kube\/client-node\.ts$/,
  commander: /\/main\.ts$/,
  'prom-client': /\/(metrics|web)\.ts$/,
};

/** Folders of test/ that another of its folders may import, beside {@link FOR_ALL_TESTS} and itself; sources and packages are free for all of them. */
const TEST_ROOMS: Readonly<Record<string, readonly string[]>> = {
  'test/support': [],
  'test/images': [],
  'test/cluster/node': ['test/images'],
  'test/cluster': ['test/acceptance/conformance', 'test/cluster/node', 'test/faults', 'test/faults/real', 'test/images'],
  'test/benchmarks': ['test/cluster', 'test/targets'],
  'test/targets': ['test/cluster', 'test/cluster/node', 'test/images'],
  'test/acceptance/conformance': [],
  'test/acceptance': ['test/targets'],
  'test/kubernetes': ['test/cluster/node', 'test/targets'],
  'test/src': [],
  'test/operator': [],
  'test/cost': ['test/faults'],
  'test/executor': [],
  'test/server': [],
  'test/local': [],
  'test/faults': [],
  'test/faults/real': ['test/faults'],
  'test/faults/cli': ['test/cluster', 'test/faults', 'test/faults/real'],
  test: [],
};
const FOR_ALL_TESTS = 'test/support';

/** What zod does and OpenAPI has no words for. */
const LOST_IN_CRD = ['refine', 'superRefine', 'transform', 'preprocess', 'pipe', 'catch'];

const SOURCES = filesOf(...['src', 'operator', 'executor', 'server', 'local', 'images', 'examples'].map((folder) => `${folder}/**/*.ts`)).filter((file) => !file.includes('/imports/'));

/** The room of a path: the longest one that it is in. */
function roomOf(path: string, rooms: object = ROOMS): string {
  const inRoom = Object.keys(rooms).filter((room) => path === room || path.startsWith(`${room}/`));
  return inRoom.sort((a, b) => b.length - a.length)[0] ?? path.split('/')[0] ?? path;
}

function violationsOf(file: string): string[] {
  const room = roomOf(file);
  const { rooms, packages } = ROOMS[room] ?? { rooms: [], packages: [] };
  return importsOf(file).flatMap((found) => {
    if (found.specifier.startsWith('.')) {
      const target = roomOf(pathOf(found));
      const isAllowed = [room, ...rooms, ...(MORE_ROOMS[file] ?? [])].includes(target);
      return isAllowed ? [] : [`${file}: room '${room}' reaches into '${target}'`];
    }
    const name = packageOf(found.specifier);
    if (!packages.includes(name)) return [`${file}: room '${room}' imports '${name}'`];
    const isItsFile = found.isType || (FILES_OF_PACKAGE[name]?.test(file) ?? true);
    return isItsFile ? [] : [`${file}: imports '${name}', which belongs to ${String(FILES_OF_PACKAGE[name])}`];
  });
}

test.each(Object.keys(ROOMS))('%s imports only what its room may', (room) => {
  const files = SOURCES.filter((file) => roomOf(file) === room);
  expect(files).not.toEqual([]);
  expect(files.flatMap(violationsOf)).toEqual([]);
});

test.each(Object.entries(TEST_ROOMS))('%s imports of other tests only what it may', (room, others) => {
  const files = filesOf('test/**/*.ts').filter((file) => !file.startsWith('test/.tmp/') && roomOf(file, TEST_ROOMS) === room);
  expect(files).not.toEqual([]);
  const reached = files.flatMap(importsOf).map((found) => ({ ...found, path: pathOf(found) })).filter(({ specifier, path }) => specifier.startsWith('.') && path.startsWith('test/'));
  expect(reached.filter(({ path }) => ![room, FOR_ALL_TESTS, ...others].includes(roomOf(path, TEST_ROOMS)))).toEqual([]);
});

test('the environment is read in main.ts files and by load-settings only', () => {
  const readers = SOURCES.filter((file) => !file.startsWith('examples/') && readsEnvironment(parseFile(file)));
  expect(readers.filter((file) => !/(^|\/)main\.ts$/.test(file) && file !== 'src/program/load-settings.ts')).toEqual([]);
  expect(readers).toContain('operator/main.ts');
});

test('every export has a name', () => {
  const files = [...SOURCES, ...filesOf('test/**/*.ts').filter((file) => !file.startsWith('test/.tmp/'))];
  expect(files.filter((file) => /^export\s+(type\s+)?\*/m.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]); // a syntax tree of each would take a second
});

test('schemas call nothing that a CRD loses or bends: a rule() of src/schema/rules.ts says it to both', () => {
  expect(SOURCES.filter((file) => roomOf(file) === 'src/schema').flatMap((file) => callsOf(file, LOST_IN_CRD))).toEqual([]);
});

/** Places where a file calls one of these methods. */
function callsOf(file: string, names: readonly string[]): string[] {
  const source = parseFile(file, false);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && names.includes(node.expression.name.text)) {
      found.push(`${file}:${source.getLineAndCharacterOfPosition(node.pos).line + 1}: .${node.expression.name.text}()`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Whether a file reads `process.env` of Node; a file that names something of its own `process`, such as that of a task, means its own. */
function readsEnvironment(file: ts.SourceFile): boolean {
  let isOwn = false;
  let isRead = false;
  const visit = (node: ts.Node): void => {
    isOwn ||= (ts.isBindingElement(node) || ts.isVariableDeclaration(node) || ts.isParameter(node)) && isNamed(node.name, 'process');
    isRead ||= ts.isPropertyAccessExpression(node) && node.name.text === 'env' && isNamed(node.expression, 'process');
    ts.forEachChild(node, visit);
  };
  visit(file);
  return isRead && !isOwn;
}

function isNamed(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name;
}

describe('compiled', () => {
  test('the constructs reach only packages that are installed with them', () => {
    const installed = Object.keys({ ...packageJson.dependencies, ...packageJson.peerDependencies });
    const reached = packagesReachedFrom('lib/src/index.js');
    expect(reached).toContain('cdk8s');
    expect(reached.filter((name) => !installed.includes(name))).toEqual([]);
  });

  test('the executor reaches neither cdk8s nor a client of Kubernetes', () => {
    const reached = packagesReachedFrom('lib/executor/main.js');
    expect(reached).toContain('jose');
    const foreign = ['@hono/node-server', '@kubernetes/client-node', 'cdk8s', 'cdk8s-plus-28', 'commander', 'constructs', 'hono', 'undici', 'yaml'];
    expect(reached.filter((name) => foreign.includes(name))).toEqual([]);
  });

  test('the server reaches no constructs and nothing of the embedded cluster', () => {
    const reached = packagesReachedFrom('lib/server/main.js');
    expect(reached).toContain('smol-toml');
    const foreign = ['ajv-formats', 'cdk8s', 'cdk8s-plus-28', 'commander', 'constructs', 'listr2'];
    expect(reached.filter((name) => foreign.includes(name))).toEqual([]);
  });

  test('the operator reaches no constructs and nothing of the embedded cluster', () => {
    const reached = packagesReachedFrom('lib/operator/main.js');
    expect(reached).toContain('undici');
    const foreign = ['ajv-formats', 'cdk8s', 'cdk8s-plus-28', 'commander', 'constructs', 'listr2', 'yaml'];
    expect(reached.filter((name) => foreign.includes(name))).toEqual([]);
  });
});
