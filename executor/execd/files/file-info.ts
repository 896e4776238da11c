import type { Stats } from 'node:fs';
import type { FileInfo } from '../../../src/schema/execd-api';
import type { Users } from './users';

/** What is told of a file; `path` is absolute. */
export function toFileInfo(path: string, stats: Stats, users: Users): FileInfo {
  return {
    path,
    type: typeOf(stats),
    size: stats.size,
    modified_at: stats.mtime.toISOString(),
    created_at: stats.ctime.toISOString(),
    owner: users.userName(stats.uid),
    group: users.groupName(stats.gid),
    mode: Number((stats.mode & 0o7777).toString(8)),
  };
}

function typeOf(stats: Stats): FileInfo['type'] {
  if (stats.isSymbolicLink()) {
    return 'symlink';
  }
  return stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'other';
}
