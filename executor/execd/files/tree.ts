import type { Stats } from 'node:fs';
import { type FileHandle, lstat, opendir, rmdir, unlink } from 'node:fs/promises';
import { Refusal } from '../refusal';
import { mayAccess, mayRemove, Want } from './access';
import { systemCode } from './failures';
import { inside, notPermitted, type Walk } from './walk';

/** Most entries of one directory that are looked at: their names are in memory while it is. */
const MOST_ENTRIES = 100_000;

/** Deepest directory that is entered; each above it is open meanwhile. */
const DEEPEST = 200;

/** An entry of a directory. */
export interface TreeEntry {
  readonly name: string;
  /** Path from where the look began. */
  readonly path: string;
  readonly stats: Stats;
}

/** An open directory. */
export interface OpenDirectory {
  readonly handle: FileHandle;
  readonly stats: Stats;
}

/**
 * What lies in a directory and below, in byte order of names, each directory followed by what is in it. Links are not entered; what cannot be read
 * or has gone meanwhile is left out.
 *
 * @param depth levels; 1 is the directory itself
 */
export async function* entriesOf(walk: Walk, directory: OpenDirectory, depth: number, front = ''): AsyncGenerator<TreeEntry> {
  if (depth <= 0 || front.split('/').length > DEEPEST) {
    return;
  }
  for (const name of await namesIn(walk, directory).catch(() => [])) {
    const stats = await lstat(inside(directory.handle, name)).catch(() => undefined);
    if (stats === undefined) {
      continue;
    }
    const path = front + name;
    yield { name, path, stats };
    if (stats.isDirectory() && depth > 1) {
      const below = await walk.enter(directory, name).catch(() => undefined);
      if (below?.stats.isDirectory() === true) {
        yield* entriesOf(walk, below, depth - 1, `${path}/`);
      }
      if (below !== undefined) await walk.drop(below.handle);
    }
  }
}

/**
 * Takes a directory away with all that is in it; links in it go, and what they lead to stays.
 *
 * @param name in `parent`
 * @throws Refusal of status 500 when the user of the sandbox may not, the error of the system; what was taken away by then is gone
 */
export async function removeTree(walk: Walk, parent: OpenDirectory, name: string, path: string, level = 0): Promise<void> {
  const entry = await walk.enter(parent, name);
  if (entry === undefined) {
    return;
  }
  if (level > DEEPEST) {
    throw new Refusal(500, 'RUNTIME_ERROR', `${path.slice(0, 200)}…: expected at most ${DEEPEST} levels of directories, got more`);
  }
  try {
    requireRemovable(walk, parent.stats, entry.stats, path);
    if (!entry.stats.isDirectory()) {
      await goneOr(unlink(inside(parent.handle, name)));
      return;
    }
    for (const below of await namesIn(walk, entry)) {
      await removeTree(walk, entry, below, `${path}/${below}`, level + 1);
    }
    await goneOr(rmdir(inside(parent.handle, name)));
  } finally {
    await walk.drop(entry.handle);
  }
}

/** @throws Refusal of status 500 when the user of the sandbox may not take an entry out of a directory */
export function requireRemovable({ sandbox }: Walk, directory: Stats, entry: Stats, path: string): void {
  if (sandbox.isForeign && !mayRemove(directory, entry, sandbox.credentials)) {
    throw notPermitted(path);
  }
}

/** Names in a directory in byte order. */
async function namesIn({ sandbox }: Walk, { handle, stats }: OpenDirectory): Promise<readonly string[]> {
  if (sandbox.isForeign && !mayAccess(stats, sandbox.credentials, Want.read | Want.search)) {
    throw notPermitted('directory');
  }
  const names: string[] = [];
  for await (const { name } of await opendir(`/proc/self/fd/${handle.fd}`, { bufferSize: 256 })) {
    names.push(name);
    if (names.length > MOST_ENTRIES) {
      throw new Refusal(500, 'RUNTIME_ERROR', `directory: expected at most ${MOST_ENTRIES} entries, got more`);
    }
  }
  return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

async function goneOr(removal: Promise<void>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
}
