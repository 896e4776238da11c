import type { Stats } from 'node:fs';
import type { Credentials } from '../../tasks/main-process';

/** What somebody wants of a file, as the bits of its mode have it. */
export const Want = { read: 4, write: 2, search: 1 } as const;

/** Capabilities that lift a check, by number. @see include/uapi/linux/capability.h of Linux */
const Capability = { chown: 0, override: 1, owner: 3, setIdOwner: 4 } as const;

type Owned = Pick<Stats, 'mode' | 'uid' | 'gid'>;

/** Whether the kernel would let a process with these credentials do that. Access control lists are read as the mode shows them. */
export function mayAccess({ mode, uid, gid }: Owned, who: Credentials, want: number): boolean {
  if (hasCapability(who, Capability.override)) {
    return true;
  }
  const shift = uid === who.uid ? 6 : isIn(who, gid) ? 3 : 0;
  return ((mode >> shift) & want) === want;
}

/** Whether it may change the mode of a file, and take away what lies in a directory where everybody may only take away his own. */
export const mayOwn = ({ uid }: Owned, who: Credentials): boolean => uid === who.uid || hasCapability(who, Capability.owner);

/** Whether it may give a file to an owner and a group. */
export function mayGive(file: Owned, who: Credentials, uid: number, gid: number): boolean {
  return hasCapability(who, Capability.chown) || (file.uid === who.uid && uid === file.uid && (gid === file.gid || isIn(who, gid)));
}

/** Whether it may take an entry out of a directory. */
export function mayRemove(directory: Owned, entry: Owned, who: Credentials): boolean {
  const isSticky = (directory.mode & 0o1000) !== 0;
  return mayAccess(directory, who, Want.write | Want.search) && (!isSticky || mayOwn(directory, who) || mayOwn(entry, who));
}

/** Bits of a mode that it may set: a file that is not of one of its groups loses the one that would give its group to whoever runs it. */
export const settableMode = (mode: number, { gid }: Owned, who: Credentials): number =>
  isIn(who, gid) || hasCapability(who, Capability.setIdOwner) ? mode : mode & ~0o2000;

const isIn = ({ gid, groups }: Credentials, group: number): boolean => gid === group || groups.includes(group);

/** Only root has capabilities; which, its container says. */
const hasCapability = ({ uid, capabilities }: Credentials, bit: number): boolean => uid === 0 && ((capabilities >> BigInt(bit)) & 1n) === 1n;
