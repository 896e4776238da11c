import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Yaml } from 'cdk8s';

const root = join(__dirname, '..', '..');
/** Each test starts several programs; on two busy cores that takes up to half a minute. */
const TIMEOUT_MS = 180_000;

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'examples-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program of a package with this Node, which comes first on the PATH of what it starts. */
function run(script: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> {
  const path = `${join(root, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`;
  return spawnSync(process.execPath, [script, ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH: path, CDK8S_CHECK_UPGRADE: 'false', ...env },
  });
}

const cdk8s = (args: string[], cwd: string) => run(join(root, 'node_modules/cdk8s-cli/bin/cdk8s'), args, cwd);

const filesIn = (directory: string) =>
  Object.fromEntries(readdirSync(directory).sort().map((name) => [name, readFileSync(join(directory, name), 'utf8')]));

describe('gitops', () => {
  const synth = (name: string) => {
    const output = join(folder, name);
    expect(cdk8s(['synth', '--output', output], join(root, 'examples/gitops'))).toMatchObject({ status: 0, stderr: '' });
    return filesIn(output);
  };
  let first: Record<string, string> = {};

  beforeAll(() => {
    first = synth('first');
  }, TIMEOUT_MS);

  test('gives byte-identical files from run to run, one a chart', () => {
    expect(Object.keys(first)).toEqual(['crds.k8s.yaml', 'experiment.k8s.yaml', 'namespaces.k8s.yaml', 'platform.k8s.yaml', 'pools.k8s.yaml']);
    expect(synth('second')).toEqual(first);
  }, TIMEOUT_MS);

  test('has CRDs that cdk8s imports as code that compiles', () => {
    const output = join(folder, 'imports');
    expect(cdk8s(['import', join(folder, 'first/crds.k8s.yaml'), '--language', 'typescript', '--output', output], folder)).toMatchObject({ status: 0 });
    writeFileSync(
      join(output, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.base.json'),
        compilerOptions: { noEmit: true, types: [], paths: { '*': [join(root, 'node_modules/*')] } },
        include: ['*.ts'],
      }),
    );
    writeFileSync(
      join(output, 'use.ts'),
      `import { App, Chart } from 'cdk8s';
       import { BatchSandbox, Pool } from './sandbox.opensandbox.io';
       const chart = new Chart(new App(), 'chart');
       new Pool(chart, 'pool', { spec: { capacitySpec: { bufferMin: 1, bufferMax: 1, poolMin: 0, poolMax: 2 } } });
       new BatchSandbox(chart, 'batch', { spec: { replicas: 1, poolRef: 'warm' } });`,
    );
    expect(run(join(root, 'node_modules/typescript/bin/tsc6'), ['-p', output], folder)).toMatchObject({ status: 0, stdout: '' });
  }, TIMEOUT_MS);
});

describe('quickstart', () => {
  const text = Array.from({ length: 50 }, (_, line) => `Line ${line}: some words, some More words.\n`).join('');

  /** One process of the example's fleet. */
  interface Process {
    readonly command: string[];
    readonly env: { readonly name: string; readonly value: string }[];
  }

  const countWords = ({ command: [program = '', ...args], env }: Process) => {
    const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    const { stdout } = spawnSync(program, args, { encoding: 'utf8', env: { PATH: process.env.PATH, ...variables } });
    return new Map(stdout.split('\n').filter(Boolean).map((line) => line.split(' ')).map(([count, word = '']) => [word, Number(count)]));
  };

  test('gives each sandbox a part of the text, and the parts add up to the whole', () => {
    const input = join(folder, 'text.txt');
    const output = join(folder, 'quickstart');
    writeFileSync(input, text);
    const env = { SANDBOXES_INPUT: input, SANDBOXES_REPLICAS: '7', SANDBOXES_OUTDIR: output };
    expect(run('main.ts', [], join(root, 'examples/quickstart'), { ...env, NODE_OPTIONS: '--no-warnings' })).toMatchObject({ status: 0, stderr: '' });

    const [pool, batch] = Yaml.load(join(output, 'quickstart.k8s.yaml'));
    expect(pool).toMatchObject({ kind: 'Pool', metadata: { name: 'warm' }, spec: { capacitySpec: { bufferMin: 7, bufferMax: 7, poolMax: 7 } } });
    expect(batch).toMatchObject({ kind: 'BatchSandbox', spec: { poolRef: 'warm', replicas: 7 } });

    const base: Process = batch.spec.taskTemplate.spec.process;
    const parts: Process[] = batch.spec.shardTaskPatches.map((patch: { spec: { process: Process } }) => patch.spec.process);
    const merged = new Map<string, number>();
    for (const part of parts) {
      for (const [word, count] of countWords({ command: base.command, env: [...base.env, ...part.env] })) {
        merged.set(word, (merged.get(word) ?? 0) + count);
      }
    }
    const bytes = `${Buffer.byteLength(text)}`;
    const whole = countWords({ command: base.command, env: [...base.env, { name: 'FROM', value: '1' }, { name: 'BYTES', value: bytes }] });
    expect(parts).toHaveLength(7);
    expect(whole.get('some')).toBe(100);
    expect(Object.fromEntries(merged)).toEqual(Object.fromEntries(whole));
  });

  test('says what it misses', () => {
    const { status, stderr } = run('main.ts', [], join(root, 'examples/quickstart'), { SANDBOXES_INPUT: undefined });
    expect(status).toBe(1);
    expect(stderr).toContain('SANDBOXES_INPUT: expected the path of a text, got nothing');
  });
});
