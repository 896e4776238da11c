/** A user as /etc/passwd has him. */
export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** A group as /etc/group has it. */
export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  /** Names of users who are in it beside those whose first group it is. */
  readonly members: readonly string[];
}

/** Entries of /etc/passwd; lines that are none are left out. */
export function parsePasswd(text: string): readonly PasswdEntry[] {
  return fieldsOf(text).flatMap(([name = '', , uid = '', gid = '']) =>
    isId(uid) && isId(gid) && name !== '' ? [{ name, uid: Number(uid), gid: Number(gid) }] : [],
  );
}

/** Entries of /etc/group; lines that are none are left out. */
export function parseGroups(text: string): readonly GroupEntry[] {
  return fieldsOf(text).flatMap(([name = '', , gid = '', members = '']) =>
    isId(gid) && name !== '' ? [{ name, gid: Number(gid), members: members.split(',').filter((member) => member !== '') }] : [],
  );
}

const fieldsOf = (text: string): readonly (readonly string[])[] => text.split('\n').map((line) => line.split(':'));

const isId = (text: string): boolean => /^\d{1,10}$/.test(text);
