import { join } from 'node:path';
import type { Container, PodSpec } from '../../src/schema/kubernetes';

/** A volume of a container: where the manifest mounts it, and the folder of this machine that stands for it. */
export interface MappedMount {
  /** Absolute path in the manifest, without a slash at its end. */
  readonly mountPath: string;
  readonly folder: string;
}

/** Folder of a volume in its pod's folder. */
export function volumeFolder(podFolder: string, volumeName: string): string {
  return join(podFolder, 'volumes', volumeName);
}

/** Names of all volumes of the pod. */
export function volumeNames(spec: PodSpec): string[] {
  return listOfObjects(spec.volumes).flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
}

/** Names of volumes that stay empty here, although a cluster would put something in them: all but emptyDir. */
export function unfilledVolumes(spec: PodSpec): string[] {
  return listOfObjects(spec.volumes).flatMap(({ name, emptyDir }) => (typeof name === 'string' && emptyDir === undefined ? [name] : []));
}

/** Mounts of a container, longest path first, so that the first match is the nearest. */
export function mappedMounts(container: Container, podFolder: string): MappedMount[] {
  return listOfObjects(container.volumeMounts)
    .flatMap(({ name, mountPath, subPath }) =>
      typeof name === 'string' && typeof mountPath === 'string'
        ? [
            {
              mountPath: mountPath.replace(/\/+$/, ''),
              folder: join(volumeFolder(podFolder, name), typeof subPath === 'string' ? subPath : ''),
            },
          ]
        : [],
    )
    .sort((a, b) => b.mountPath.length - a.mountPath.length);
}

/**
 * A path of the manifest as a path of this machine.
 *
 * Processes of a pod see the machine's own file system, so a mount path cannot be made to lead to the volume. Where a whole value
 * (a variable, a working directory) is a path in a volume, it is replaced by the path of the volume's folder; arguments and text inside
 * scripts are not.
 */
export function mapPath(path: string, mounts: readonly MappedMount[]): string {
  const mount = mounts.find(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`));
  return mount === undefined ? path : join(mount.folder, path.slice(mount.mountPath.length));
}

function listOfObjects(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null) : [];
}
