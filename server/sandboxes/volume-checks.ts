import { posix } from 'node:path';
import { type Problem, showValue } from '../../src/schema/errors';
import type { VolumeRequest } from '../../src/schema/lifecycle-request';

/** Volumes of the executor; its own are made by the operator. */
const TAKEN_NAMES = ['task-executor-data'];

/**
 * What is wrong with the volumes of a create.
 *
 * @param allowedHostPaths directories of nodes that may be mounted, with what is below
 */
export function volumeProblems(volumes: readonly VolumeRequest[], allowedHostPaths: readonly string[]): Problem[] {
  const names = new Set<string>(TAKEN_NAMES);
  const mounts = new Set<string>();
  return volumes.flatMap((volume, index) => {
    const path = `volumes[${index}]`;
    const problems: Problem[] = [];
    const kinds = (['host', 'pvc', 'ossfs'] as const).filter((kind) => volume[kind] !== undefined);
    if (kinds.length !== 1) problems.push({ path, expected: 'exactly one of host and pvc', got: kinds.length === 0 ? 'none' : kinds.join(' and ') });
    else if (kinds[0] === 'ossfs') problems.push({ path: `${path}.ossfs`, expected: 'host or pvc, since ossfs is of Docker only', got: 'ossfs' });
    if (names.has(volume.name)) problems.push({ path: `${path}.name`, expected: 'a name that no other volume has', got: showValue(volume.name) });
    names.add(volume.name);
    const mountPath = posix.normalize(volume.mountPath);
    if (mounts.has(mountPath)) problems.push({ path: `${path}.mountPath`, expected: 'a path that no other volume is mounted at', got: showValue(volume.mountPath) });
    mounts.add(mountPath);
    if (volume.subPath !== undefined && (volume.subPath.startsWith('/') || volume.subPath.split('/').includes('..'))) {
      problems.push({ path: `${path}.subPath`, expected: 'a relative path without ..', got: showValue(volume.subPath) });
    }
    if (volume.host !== undefined && !isAllowed(volume.host.path, allowedHostPaths)) {
      const allowed = allowedHostPaths.length === 0 ? 'no path of the node, since storage.allowed_host_paths is empty' : `a path below one of ${allowedHostPaths.join(', ')}`;
      problems.push({ path: `${path}.host.path`, expected: allowed, got: showValue(volume.host.path) });
    }
    return problems;
  });
}

/** Whether a path is one of those allowed or below it, by whole segments and as written: `..` is never followed (L13). */
function isAllowed(path: string, allowed: readonly string[]): boolean {
  if (path.split('/').includes('..')) return false;
  const wanted = withoutEnd(posix.normalize(path));
  return allowed.map((each) => withoutEnd(posix.normalize(each))).some((root) => root === '' || wanted === root || wanted.startsWith(`${root}/`));
}

const withoutEnd = (path: string): string => path.replace(/\/+$/, '');
