import { dirname } from 'node:path';
import type { Disk, DiskStep } from './disk';

/** End of the names of files that are not whole yet; worthless to whoever comes later. */
export const TEMPORARY = '.tmp';

/** The steps that write a file whole or not at all (rule 13); pure. */
function planAtomicWrite(path: string, text: string): readonly DiskStep[] {
  const temporary = path + TEMPORARY;
  return [
    { kind: 'write', path: temporary, text },
    { kind: 'syncFile', path: temporary },
    { kind: 'rename', path: temporary, to: path },
    { kind: 'syncDirectory', path: dirname(path) },
  ];
}

/**
 * Writes a file whole or not at all.
 *
 * @throws the error of the file system, such as ENOSPC; the old content stays then, and a full disk gets its room back
 */
export async function writeAtomic(disk: Disk, path: string, text: string): Promise<void> {
  try {
    for (const step of planAtomicWrite(path, text)) {
      await disk.perform(step);
    }
  } catch (error) {
    await disk.perform({ kind: 'remove', path: path + TEMPORARY }).catch(() => undefined);
    throw error;
  }
}

/** {@link writeAtomic} for a program that has nothing else to do meanwhile, and ends when this fails. */
export function writeAtomicSync(disk: Disk, path: string, text: string): void {
  planAtomicWrite(path, text).forEach((step) => disk.performSync(step));
}
