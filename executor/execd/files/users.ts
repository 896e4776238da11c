import { showValue } from '../../../src/schema/errors';
import { type GroupEntry, parseGroups, parsePasswd, type PasswdEntry } from './user-files';
import type { Credentials } from '../../tasks/main-process';
import { badBody } from '../refusal';
import { readSmallFile } from './read-small';
import type { Walk } from './walk';

/** SETGID and SETUID. @see include/uapi/linux/capability.h of Linux */
const USER_CAPABILITIES = (1n << 6n) | (1n << 7n);

/** Whether a process with these credentials can become another user, and enter any group. */
export function mayBecomeOthers({ uid, capabilities }: Credentials): boolean {
  return uid === 0 && (capabilities & USER_CAPABILITIES) === USER_CAPABILITIES;
}

/** Most bytes that are read of each file of users. */
const MOST_FILE_BYTES = 1024 * 1024;

/** Users and groups by the sandbox's own files. */
export class Users {
  private constructor(
    private readonly users: readonly PasswdEntry[],
    private readonly groups: readonly GroupEntry[],
  ) {}

  static async read(walk: Walk): Promise<Users> {
    const [passwd = '', groups = ''] = await Promise.all(['/etc/passwd', '/etc/group'].map((path) => readSmallFile(walk, path, MOST_FILE_BYTES)));
    return new Users(parsePasswd(passwd), parseGroups(groups));
  }

  /** Name of a user; the id as text when nobody has it. */
  userName(uid: number): string {
    return this.users.find((entry) => entry.uid === uid)?.name ?? String(uid);
  }

  /** Name of a group; the id as text when none has it. */
  groupName(gid: number): string {
    return this.groups.find((entry) => entry.gid === gid)?.name ?? String(gid);
  }

  /**
   * Id of a user, by name or as text.
   *
   * @throws Refusal of status 400 for a name that nobody has
   */
  uidOf(name: string): number {
    return idOf('owner', name, this.users.find((entry) => entry.name === name)?.uid);
  }

  /**
   * Id of a group, by name or as text.
   *
   * @throws Refusal of status 400 for a name that none has
   */
  gidOf(name: string): number {
    return idOf('group', name, this.groups.find((entry) => entry.name === name)?.gid);
  }

  /** A user and the groups that he is in beside his first one; undefined when nobody has the id. */
  find(uid: number): { readonly gid: number; readonly groups: readonly number[] } | undefined {
    const user = this.users.find((entry) => entry.uid === uid);
    return user && { gid: user.gid, groups: this.groups.filter(({ members }) => members.includes(user.name)).map(({ gid }) => gid) };
  }
}

function idOf(path: string, name: string, id: number | undefined): number {
  if (id !== undefined) {
    return id;
  }
  if (/^\d{1,9}$/.test(name)) {
    return Number(name);
  }
  throw badBody({ path, expected: 'a name that the sandbox knows', got: showValue(name) });
}
