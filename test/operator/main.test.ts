import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot, programCommand } from '../../local/programs';
import { runProgram } from '../support/run-program';

test('--version prints the version of the package', async () => {
  const [file, ...args] = programCommand('sandbox-operator');
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { readonly version: string };
  expect(await runProgram(file, [...args, '--version'], {})).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
});
