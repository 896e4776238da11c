import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Version of the package that holds a program; `unknown` when the program was copied out of it.
 *
 * @param programFolder folder of the bundled program: two below the one of the package
 */
export function readVersion(programFolder: string): string {
  try {
    const { version } = JSON.parse(readFileSync(join(programFolder, '..', '..', 'package.json'), 'utf8')) as { readonly version?: string };
    return version ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
