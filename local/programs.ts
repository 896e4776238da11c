import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Name of our package, by which its folder is recognised. */
const PACKAGE_NAME = 'cdk8s-sandboxes';

/** Programs of the package. */
export type ProgramName = 'sandbox-operator' | 'sandbox-executor' | 'sandbox-server' | 'sandboxes';

/**
 * Folder of the package, found upwards from this file, which runs from `local`, `lib/local` and `lib/bin` alike.
 *
 * @throws Error when this file is not inside the package
 */
export function packageRoot(): string {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown }).name === PACKAGE_NAME) return folder;
  }
  throw new Error(`package folder: expected ${PACKAGE_NAME} above '${__dirname}', found none; run the program from its package`);
}

/** Folder of what our programs of this user keep from one run to the next: what was built, and word of a test cluster that runs. */
export function cacheFolder(): string {
  return join(homedir(), '.cache', PACKAGE_NAME);
}

/**
 * Program and first arguments that run one of our programs under this Node.
 *
 * @throws Error when it has not been built
 */
export function programCommand(name: ProgramName): [string, string] {
  const file = join(packageRoot(), 'lib', 'bin', `${name}.js`);
  if (!existsSync(file)) throw new Error(`program '${name}': expected a file '${file}', found none; run 'npm run compile'`);
  return [process.execPath, file];
}
