import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { files } from '../.projen/files.json';
import { ROOT } from './support/source-imports';

const GENERATED = [...files, 'package.json'];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'generated-files-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('npx projen writes the configuration as it is', () => {
  for (const file of ['.projenrc.ts', ...GENERATED]) cpSync(join(ROOT, file), join(folder, file));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  // A post-synthesis step would install packages.
  const env = { PATH: process.env.PATH, HOME: folder, PROJEN_DISABLE_POST: '1' };
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'node_modules/projen/bin/projen')], { cwd: folder, env, encoding: 'utf8' });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  const contents = (root: string) => Object.fromEntries(GENERATED.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
  expect(contents(ROOT)).toEqual(contents(folder));
});
