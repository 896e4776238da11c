import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { TEMPORARY } from '../../tasks/atomic-file';
import { Refusal } from '../refusal';
import { Want } from './access';
import { systemCode } from './failures';
import { applyPermission, DEFAULT_MODE, ownerIn, type WantedPermission } from './permission';
import { type Found, inside, type Walk } from './walk';

/** Bytes that are copied at a time. */
const COPY_BYTES = 65_536;

const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A file of ours without a name, for what has no place yet. */
export async function openNameless(directory: string): Promise<FileHandle> {
  const path = join(directory, `.staged-${randomBytes(8).toString('hex')}${TEMPORARY}`);
  const handle = await open(path, NEW_FILE, 0o600);
  await unlink(path);
  return handle;
}

/**
 * New content of a file, which takes its place whole or not at all (E15): readers see the old one or the new one.
 *
 * It is written beside its target, or elsewhere when nothing can be made there; then it is copied into the target, and so it is where the target cannot be
 * renamed, such as a file that is mounted.
 */
export class StagedFile {
  private constructor(
    private readonly walk: Walk,
    private readonly target: Found,
    /** Where the content is written to. */
    readonly handle: FileHandle,
    /** Its name in the directory of the target; absent when it lies elsewhere. */
    private temporary: string | undefined,
  ) {}

  /**
   * @param scratch directory of ours
   * @throws Refusal when the target is no file, or may not be written by the user of the sandbox; the error of the system
   */
  static async open(walk: Walk, target: Found, scratch: string): Promise<StagedFile> {
    if (target.stats === undefined) {
      walk.check(target.directoryStats, Want.write | Want.search, target.path);
    } else if (target.stats.isFile()) {
      walk.check(target.stats, Want.write, target.path);
    } else {
      throw new Refusal(400, 'UNKNOWN', `${target.path}: expected a file or nothing, got something else`);
    }
    const temporary = `.${randomBytes(8).toString('hex')}${TEMPORARY}`;
    try {
      const isReplaceable = walk.sandbox.isForeign || target.stats === undefined || target.stats.uid === process.getuid?.() || process.getuid?.() === 0;
      if (isReplaceable) {
        return new StagedFile(walk, target, await open(inside(target.directory, temporary), NEW_FILE, 0o600), temporary);
      }
    } catch (error) {
      if (target.stats === undefined) {
        throw error;
      }
    }
    return new StagedFile(walk, target, await openNameless(scratch), undefined);
  }

  /** Writes all of it to the disk, and gives it owner and mode: those of the target where nothing is asked for. */
  async finish(wanted: WantedPermission): Promise<void> {
    const { stats, path, directoryStats } = this.target;
    const made = await this.handle.stat();
    const { uid, gid } = stats ?? (this.walk.sandbox.isForeign ? ownerIn(this.walk, directoryStats) : made);
    if (this.temporary !== undefined) {
      await this.handle.chown(uid, gid);
      await this.handle.chmod(this.keptMode());
      await applyPermission(this.walk, this.handle, Object.assign(made, { uid, gid }), wanted, path);
    }
    await this.handle.sync();
  }

  /** Puts it in the place of its target. */
  async commit(wanted: WantedPermission): Promise<void> {
    const { directory, name, entry, stats, path } = this.target;
    if (this.temporary !== undefined) {
      try {
        await rename(inside(directory, this.temporary), inside(directory, name));
        this.temporary = undefined;
        await this.syncDirectory();
        return;
      } catch (error) {
        if (entry === undefined || !['EBUSY', 'EXDEV'].includes(systemCode(error) ?? '')) {
          throw error;
        }
      }
    }
    if (entry === undefined || stats === undefined) {
      throw new Refusal(500, 'RUNTIME_ERROR', `${path}: expected a directory that takes a new file, got another one`);
    }
    const target = await this.walk.reopen(entry, constants.O_WRONLY | constants.O_TRUNC);
    await copyAll(this.handle, target);
    await target.chmod(this.keptMode()).catch(() => undefined); // where somebody else owns it, the kernel has done so
    await applyPermission(this.walk, target, stats, wanted, path);
    await target.sync();
    await this.walk.drop(target);
    await this.discard();
  }

  /** Closes it, and takes it away unless it has its place. */
  async discard(): Promise<void> {
    await this.handle.close();
    if (this.temporary !== undefined) {
      await unlink(inside(this.target.directory, this.temporary)).catch(() => undefined);
      this.temporary = undefined;
    }
  }

  /** Mode without what is asked for. New content takes the bits away that give the owner's rights to whoever runs it, as it does for all but root. */
  private keptMode(): number {
    const { sandbox } = this.walk;
    const { stats } = this.target;
    return stats === undefined ? DEFAULT_MODE : stats.mode & (sandbox.isForeign && sandbox.credentials.uid !== 0 ? 0o1777 : 0o7777);
  }

  private async syncDirectory(): Promise<void> {
    const directory = await open(inside(this.target.directory, '.'), constants.O_RDONLY | constants.O_DIRECTORY);
    await directory.sync().finally(() => directory.close());
  }
}

/** Copies a file from its begin to where another one stands. */
export async function copyAll(from: FileHandle, to: FileHandle): Promise<void> {
  const piece = Buffer.allocUnsafe(COPY_BYTES);
  for (let at = 0, length = -1; length !== 0; at += length) {
    length = (await from.read(piece, 0, piece.length, at)).bytesRead;
    await writeAll(to, piece.subarray(0, length));
  }
}

/** Writes a piece whole. */
export async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length; ) {
    at += (await file.write(piece, at, piece.length - at)).bytesWritten;
  }
}
