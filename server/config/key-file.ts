import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../../src/program/log';
import { keyLines } from '../../src/schema/key-lines';

/** The keys of a file. @throws Error of node:fs, or when it holds none; it quotes nothing of the file */
export async function readKeyFile(path: string): Promise<string[]> {
  const keys = keyLines(await readFile(path, 'utf8'));
  if (keys.length === 0) throw new Error(`keys: expected at least 1 in '${path}', got none`);
  return keys;
}

/**
 * Tells of new keys whenever the file changes, also when its directory is exchanged, as the kubelet does it with Secrets. What cannot be read
 * changes nothing, nor does what `onKeys` throws at.
 */
export function watchKeyFile(path: string, onKeys: (keys: readonly string[]) => void, log: Logger, signal: AbortSignal): void {
  let reading: Promise<void> = Promise.resolve();
  // One after the other: of two reads at once the older one might end last, and its keys would stay.
  const read = () => {
    reading = reading.then(() => readKeyFile(path)).then(onKeys).catch((error: unknown) => log.warn({ err: error, path }, 'keys not read again; the former ones stay'));
  };
  const watcher = watch(dirname(path), { persistent: false, signal }, read);
  watcher.on('error', (error) => log.warn({ err: error, path }, 'changes of the keys are not seen any more'));
}
