import { accessSync, constants, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../package.json';
import { runProgram } from './support/run-program';
import { importsOf, ROOT } from './support/source-imports';

const programs = Object.entries(packageJson.bin);
/** Speed-ups that ws uses when somebody has installed them; it works without. */
const OPTIONAL_PACKAGES = ['bufferutil', 'utf-8-validate'];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('tests run on the Node of the devDependencies', () => {
  expect(process.versions.node).toBe(packageJson.devDependencies.node);
});

test('every path that package.json names exists', () => {
  const exported = Object.values(packageJson.exports).flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)));
  const named = [...exported, ...programs.map(([, path]) => path), packageJson.main, packageJson.types, ...packageJson.files];
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('the package loads by its name and exports the constructs', () => {
  const own: unknown = jest.requireActual('cdk8s-sandboxes');
  expect(own).toMatchObject({ SandboxPool: expect.any(Function), BatchSandboxFleet: expect.any(Function), TaskShards: expect.any(Function) });
});

describe.each(programs)('%s', (name, path) => {
  test('is an executable script', () => {
    accessSync(join(ROOT, path), constants.X_OK);
    expect(readFileSync(join(ROOT, path), 'utf8').split('\n', 1)).toEqual(['#!/usr/bin/env node']);
  });

  test('loads nothing but itself and Node', () => {
    const outside = importsOf(path).map(({ specifier }) => specifier);
    expect(outside.filter((specifier) => !OPTIONAL_PACKAGES.includes(specifier))).toEqual([]);
  });

  test('answers --help, copied to an empty folder', async () => {
    const copy = join(folder, `${name}.js`);
    copyFileSync(join(ROOT, path), copy);
    const { exitCode, stdout, stderr } = await runProgram(process.execPath, [copy, '--help'], { PATH: process.env.PATH });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: ${name} `));
  });

  test('ends with 2 and names an unknown flag', async () => {
    const { exitCode, stderr } = await runProgram(process.execPath, [join(ROOT, path), '--no-such-flag=1'], { PATH: process.env.PATH });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--no-such-flag');
  });
});
