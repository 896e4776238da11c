import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Yaml } from 'cdk8s';
import packageJson from '../package.json';
import { executorSettings } from '../src/schema/executor-settings';
import { operatorSettings } from '../src/schema/operator-settings';
import type { Setting, SettingTable } from '../src/schema/settings';
import { codeBlocks, readPage } from './support/markdown';
import { ROOT } from './support/source-imports';

/** Each test starts programs; on two busy cores that takes its time. */
const TIMEOUT_MS = 120_000;

const page = readPage('README.md');
const blocks = codeBlocks(page);

describe('the fleet of the README', () => {
  let folder = '';

  // As after the commands of the README: a folder of the user's own, with the packages installed.
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'readme-test-'));
    const packages: Readonly<Record<string, string>> = {
      'cdk8s-sandboxes': ROOT,
      cdk8s: join(ROOT, 'node_modules/cdk8s'),
      constructs: join(ROOT, 'node_modules/constructs'),
      '@types': join(ROOT, 'node_modules/@types'),
    };
    mkdirSync(join(folder, 'node_modules'));
    for (const [name, target] of Object.entries(packages)) symlinkSync(target, join(folder, 'node_modules', name));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    for (const { name, code } of sources()) writeFileSync(join(folder, name), code);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const node = (...args: string[]) => {
    // The test runner of Node takes a child with this variable for one of its own.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env });
    return { status, output: stdout + stderr };
  };

  test('names a file in the first line of each block', () => {
    expect(sources().map(({ name }) => name)).toEqual(['fleet.ts', 'main.ts', 'runtime.ts', 'fleet.test.ts']);
  });

  test('compiles', () => {
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--skipLibCheck', '--allowImportingTsExtensions'];
    const tsc = join(ROOT, 'node_modules/typescript7/bin/tsc');
    expect(node(tsc, ...options, ...sources().map(({ name }) => name))).toEqual({ status: 0, output: '' });
  }, TIMEOUT_MS);

  test('synthesizes a pool and a fleet of 20', () => {
    expect(node('main.ts')).toEqual({ status: 0, output: '' });
    expect(Yaml.load(join(folder, 'dist/dice.k8s.yaml'))).toMatchObject([
      { kind: 'Pool', metadata: { name: 'small' }, spec: { capacitySpec: { bufferMin: 20, poolMax: 40 } } },
      { kind: 'BatchSandbox', metadata: { name: 'dice' }, spec: { poolRef: 'small', replicas: 20 } },
    ]);
  }, TIMEOUT_MS);

  test('has an operator that serves its namespace', () => {
    expect(node('runtime.ts')).toEqual({ status: 0, output: '' });
    const objects = Yaml.load(join(folder, 'dist/runtime.k8s.yaml')) as readonly { readonly kind: string; readonly metadata: object }[];
    expect(objects.filter(({ kind }) => kind === 'Deployment' || kind === 'Role').map(({ kind, metadata }) => [kind, metadata])).toEqual(
      expect.arrayContaining([
        ['Deployment', expect.objectContaining({ name: 'opensandbox-controller-manager', namespace: 'opensandbox-system' })],
        ['Role', expect.objectContaining({ namespace: 'default' })],
      ]),
    );
  }, TIMEOUT_MS);

  test('passes its own test', () => {
    expect(node('--test', '--test-update-snapshots')).toMatchObject({ status: 0 });
    expect(node('--test')).toMatchObject({ status: 0 });
  }, TIMEOUT_MS);

  test.each([
    { what: 'is warned of a misspelled field', from: 'command: [\'sleep\'', to: 'comand: [\'sleep\'', message: 'warning: ', status: 0 },
    { what: 'is refused when a bound is wrong', from: 'poolMax: 40', to: 'poolMax: 10', message: '[dice/pool]', status: 1 },
  ])('$what, in the words of the README', ({ from, to, message, status }) => {
    const text = readFileSync(join(folder, 'fleet.ts'), 'utf8');
    writeFileSync(join(folder, 'fleet.ts'), text.replace(from, to));
    const result = node('main.ts');
    writeFileSync(join(folder, 'fleet.ts'), text);
    expect(result).toEqual({ status, output: expect.stringContaining(lineOf(message)) });
  }, TIMEOUT_MS);
});

/** The line of the page that begins so. @throws Error when there is none */
function lineOf(beginning: string): string {
  const line = page.split('\n').find((text) => text.startsWith(beginning));
  if (line === undefined) throw new Error(`README.md: expected a line that begins with '${beginning}', got none`);
  return line;
}

/** TypeScript blocks of the page, by the file name in their first line. */
function sources(): { name: string; code: string }[] {
  return blocks.filter(({ language }) => language === 'ts').map(({ code }) => ({ name: /^\/\/ (\S+)\n/.exec(code)?.[1] ?? '', code }));
}

describe('the commands of the README', () => {
  const commands = blocks.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.split('\n').flatMap((line) => line.split(/ && | \| /)).filter(Boolean));

  test('exist, with the flags that they are given', () => {
    expect(commands).toEqual(expect.arrayContaining(['npm ci', 'npm run quickstart', 'npm test', 'npx sandboxes up . --kubeconfig kubeconfig']));
    expect(commands.flatMap(problemsOf)).toEqual([]);
  }, TIMEOUT_MS);
});

test('.ci/run is the test command of the README', () => {
  expect(blocks.map(({ code }) => code)).toContain('npm ci && npm test\n');
  expect(readPage('.ci/run').trim().split('\n').at(-1)).toBe('npm ci && npm test');
});

test('links of the README, CONTRIBUTING and docs lead to files', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'docs/errors.md', 'docs/metrics.md', 'docs/settings.md', 'docs/adr/README.md'];
  const links = pages.flatMap((from) => [...readPage(from).matchAll(/\]\(([^):]+)\)/g)].map(([, target = '']) => join(dirname(from), target)));
  expect(links).toContain('CONTRIBUTING.md');
  expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

/** What is wrong with a command, as far as this repository can tell. */
function problemsOf(command: string): string[] {
  const [program = '', ...args] = command.split(' ').filter((word) => word !== 'npx');
  const check = CHECKS[program] ?? (/^[A-Z]+=/.test(program) ? () => undefined : () => 'unknown program');
  const problem = check(args);
  return problem === undefined ? [] : [`${command}: ${problem}`];
}

/** Programs of the machine, which this repository cannot check. */
const unchecked = () => undefined;

/** Finds the fault in the arguments of a program; one that is not here is unknown. */
const CHECKS: Readonly<Record<string, (args: string[]) => string | undefined>> = {
  npm: ([verb = '', script = '']) => {
    if (verb === 'run') return script in packageJson.scripts ? undefined : 'no such script';
    return ['ci', 'init', 'install', 'pack', 'pkg', 'test'].includes(verb) ? undefined : 'unknown verb';
  },
  sandboxes: ([command = '', ...args]) => {
    const { status, stdout } = spawnSync(process.execPath, [join(ROOT, packageJson.bin.sandboxes), command, '--help'], { encoding: 'utf8' });
    const unknown = args.filter((word) => word.startsWith('-') && !stdout.includes(`${word} `));
    return status === 0 && stdout.startsWith(`Usage: sandboxes ${command} `) ? unknown.at(0) : 'no such command';
  },
  'sandbox-operator': (args) => unknownFlag(args, operatorSettings.table),
  'sandbox-executor': (args) => unknownFlag(args, executorSettings.table),
  cdk8s: ([command = '']) => (command === 'synth' ? undefined : 'unknown command'),
  node: unchecked,
  kubectl: unchecked,
  buildah: unchecked,
  openssl: unchecked,
  sed: unchecked,
  curl: unchecked,
  cut: unchecked,
  export: unchecked,
  mkdir: unchecked,
  cd: unchecked,
};

function unknownFlag(args: readonly string[], table: SettingTable): string | undefined {
  const flags = Object.values<Setting>(table).map(({ flag }) => `--${flag ?? ''}`);
  return args.find((word) => !flags.includes(word.replace(/=.*/, '')));
}
