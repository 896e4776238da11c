import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';

/** Only the executor reads its files. */
export const FILE_MODE = 0o600;

/**
 * One change of the disk on the way of a record. A loss of power may come after each, and takes with it what was not synced: the text of a
 * file until `syncFile`, and what `write`, `rename` and `remove` did to a directory until `syncDirectory`.
 */
export type DiskStep =
  | { readonly kind: 'write'; readonly path: string; readonly text: string }
  | { readonly kind: 'syncFile' | 'syncDirectory' | 'remove'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string };

/** Where records go; both ways throw the error of the file system, such as ENOSPC. */
export interface Disk {
  perform(step: DiskStep): Promise<void>;
  /** For a program that has nothing else to do meanwhile, or that must not be read in between. */
  performSync(step: DiskStep): void;
}

/** The file system. */
export const systemDisk: Disk = {
  async perform(step) {
    switch (step.kind) {
      case 'write':
        return withFile(step.path, 'w', (handle) => handle.writeFile(step.text));
      case 'syncFile':
      case 'syncDirectory':
        return withFile(step.path, 'r', (handle) => handle.sync());
      case 'rename':
        return rename(step.path, step.to);
      case 'remove':
        return rm(step.path, { recursive: true, force: true });
    }
  },
  performSync(step) {
    switch (step.kind) {
      case 'write':
        return withFileSync(step.path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, (fd) => writeWholeSync(fd, step.text));
      case 'syncFile':
      case 'syncDirectory':
        return withFileSync(step.path, constants.O_RDONLY, fsyncSync);
      case 'rename':
        return renameSync(step.path, step.to);
      case 'remove':
        return rmSync(step.path, { recursive: true, force: true });
    }
  },
};

async function withFile(path: string, flags: string, use: (handle: Awaited<ReturnType<typeof open>>) => Promise<void>): Promise<void> {
  const handle = await open(path, flags, FILE_MODE);
  try {
    await use(handle);
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

function writeWholeSync(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(fd, bytes, at);
  }
}
