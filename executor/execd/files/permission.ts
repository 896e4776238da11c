import type { Stats } from 'node:fs';
import { chmod, chown, type FileHandle, mkdir } from 'node:fs/promises';
import type { Permission } from '../../../src/schema/execd-api';
import { badBody } from '../refusal';
import { mayGive, mayOwn, settableMode, Want } from './access';
import type { Users } from './users';
import { inside, notPermitted, type Walk } from './walk';

/** A permission by numbers; what is absent stays as it is. */
export interface WantedPermission {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Mode of what is new and for which none is asked. */
export const DEFAULT_MODE = 0o755;

/**
 * Reads a permission: its mode is octal digits as a decimal number, 0 and empty names stand for no change.
 *
 * @throws Refusal of status 400 for a digit above 7, or a name that the sandbox does not know
 */
export function toWanted({ mode, owner, group }: Permission, users: Users): WantedPermission {
  const digits = String(mode ?? 0);
  if (!/^[0-7]{1,4}$/.test(digits)) {
    throw badBody({ path: 'mode', expected: 'up to four octal digits, such as 755', got: digits.slice(0, 20) });
  }
  const bits = Number.parseInt(digits, 8);
  return {
    mode: bits === 0 ? undefined : bits,
    uid: owner ? users.uidOf(owner) : undefined,
    gid: group ? users.gidOf(group) : undefined,
  };
}

/**
 * Gives a file its permission; the owner first, since that takes some bits of the mode away.
 *
 * @param handle of the file, opened in any way
 * @throws Refusal of status 500 when the user of the sandbox may not do that; the error of the system
 */
export async function applyPermission(walk: Walk, handle: FileHandle, stats: Stats, { mode, uid, gid }: WantedPermission, path: string): Promise<void> {
  const { isForeign, credentials } = walk.sandbox;
  const [owner, group] = [uid ?? stats.uid, gid ?? stats.gid];
  const isMoved = owner !== stats.uid || group !== stats.gid;
  if (isForeign && ((isMoved && !mayGive(stats, credentials, owner, group)) || (mode !== undefined && !mayOwn(stats, credentials)))) {
    throw notPermitted(path);
  }
  const self = `/proc/self/fd/${handle.fd}`;
  if (isMoved) {
    await chown(self, owner, group);
  }
  if (mode !== undefined) {
    await chmod(self, isForeign ? settableMode(mode, { ...stats, gid: group }, credentials) : mode);
  }
}

/** Owner and group of what the user of the sandbox makes in a directory. */
export function ownerIn(walk: Walk, directory: Stats): { readonly uid: number; readonly gid: number } {
  const { uid, gid } = walk.sandbox.credentials;
  return { uid, gid: (directory.mode & 0o2000) === 0 ? gid : directory.gid };
}

/**
 * Makes a directory, as the user of the sandbox would.
 *
 * @throws Refusal of status 500 when he may not; the error of the system
 */
export async function makeDirectory(walk: Walk, parent: FileHandle, parentStats: Stats, name: string): Promise<void> {
  walk.check(parentStats, Want.write | Want.search, name);
  await mkdir(inside(parent, name), DEFAULT_MODE);
  if (walk.sandbox.isForeign) {
    const made = await walk.enter({ handle: parent, stats: parentStats }, name);
    const { uid, gid } = ownerIn(walk, parentStats);
    if (made?.stats.isDirectory() === true) {
      await chown(`/proc/self/fd/${made.handle.fd}`, uid, gid);
      await walk.drop(made.handle);
    }
  }
}
