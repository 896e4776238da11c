import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { Refusal } from '../refusal';
import { Want } from './access';
import { StagedFile, writeAll } from './staged-file';
import type { Found, Walk } from './walk';

/** Least bytes that are read at a time. */
const PIECE_BYTES = 65_536;

/** A file with its replacement, which waits for its place. */
export interface StagedReplacement {
  readonly count: number;
  /** Absent when there is nothing to replace. */
  readonly staged?: StagedFile;
}

/**
 * Writes a file anew with every `old` replaced; it gets its place by {@link StagedFile.commit}.
 *
 * @param scratch directory of ours
 * @throws Refusal of status 400 for what is no file; the error of the system
 */
export async function stageReplacement(walk: Walk, target: Found, texts: { readonly old: string; readonly new: string }, scratch: string): Promise<StagedReplacement> {
  const { entry, stats, path } = target;
  if (entry === undefined || stats?.isFile() !== true) {
    throw new Refusal(400, 'UNKNOWN', `${path}: expected a file, got something else`);
  }
  walk.check(stats, Want.read, path);
  const source = await walk.reopen(entry, constants.O_RDONLY);
  const staged = await StagedFile.open(walk, target, scratch);
  try {
    const count = await copyReplaced(source, staged.handle, Buffer.from(texts.old), Buffer.from(texts.new));
    if (count === 0) {
      await staged.discard();
      return { count };
    }
    await staged.finish({});
    return { count, staged };
  } catch (error) {
    await staged.discard().catch(() => undefined);
    throw error;
  } finally {
    await walk.drop(source);
  }
}

/** Copies with every `old` replaced, and returns how many there were. */
async function copyReplaced(from: FileHandle, to: FileHandle, old: Buffer, fresh: Buffer): Promise<number> {
  const piece = Buffer.allocUnsafe(Math.max(PIECE_BYTES, 2 * old.length));
  let count = 0;
  let held: Buffer = Buffer.alloc(0);
  for (let at = 0, isOver = false; !isOver; ) {
    const { bytesRead } = await from.read(piece, 0, piece.length, at);
    at += bytesRead;
    isOver = bytesRead === 0;
    held = Buffer.concat([held, piece.subarray(0, bytesRead)]);
    let done = 0;
    for (let found = held.indexOf(old); found >= 0; found = held.indexOf(old, done)) {
      await writeAll(to, held.subarray(done, found));
      await writeAll(to, fresh);
      done = found + old.length;
      count += 1;
    }
    // The end may be the begin of one that goes on in the next piece.
    const safe = isOver ? held.length : Math.max(done, held.length - old.length + 1);
    await writeAll(to, held.subarray(done, safe));
    held = held.subarray(safe);
  }
  return count;
}
