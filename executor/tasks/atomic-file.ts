import { closeSync, constants, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Only the executor reads its files. */
export const FILE_MODE = 0o600;

/**
 * Writes a file whole or not at all: temporary file, fsync, rename, fsync of the directory (rule 13).
 *
 * @throws the error of the file system, such as ENOSPC; the old content stays then
 */
export async function writeAtomic(path: string, text: string): Promise<void> {
  const handle = await open(`${path}.tmp`, 'w', FILE_MODE);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.tmp`, path);
  await syncDirectory(dirname(path));
}

/** {@link writeAtomic} for a program that has nothing else to do meanwhile. */
export function writeAtomicSync(path: string, text: string): void {
  withFileSync(`${path}.tmp`, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, (fd) => {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(fd, bytes, at);
    }
    fsyncSync(fd);
  });
  renameSync(`${path}.tmp`, path);
  withFileSync(dirname(path), constants.O_RDONLY, fsyncSync);
}

/** Makes creations, renames and removals in a directory survive a crash of the machine. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function withFileSync(path: string, flags: number, use: (fd: number) => void): void {
  const fd = openSync(path, flags, FILE_MODE);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}
