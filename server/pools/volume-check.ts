import type { Problem } from '../../src/schema/errors';
import { isGiven, listOf, recordOf, refused } from './refused';

/** Kinds of volumes that hold nothing but what is the pod's own, or is made for pods to share. */
const KINDS: readonly string[] = ['emptyDir', 'configMap', 'persistentVolumeClaim', 'downwardAPI', 'ephemeral', 'image', 'projected'];
/** Sources of a projected volume of which the same holds: no Secret, and nothing that proves who the pod is. */
const SOURCES: readonly string[] = ['configMap', 'downwardAPI', 'clusterTrustBundle'];

type Fields = Readonly<Record<string, unknown>>;

/**
 * What a volume brings in that is not the pod's: Secrets, tokens, files of the node, and addresses and drivers that the node calls. Kinds are allowed one by
 * one, so that one which Kubernetes adds later is refused until somebody has thought about it.
 *
 * @param path of the volume in the template
 * @see https://kubernetes.io/docs/concepts/storage/volumes/#volume-types
 */
export function volumeProblems(path: string, { name: _, ...kinds }: Fields): Problem[] {
  return [
    ...otherThan(KINDS, path, kinds),
    ...listOf(recordOf(kinds.projected).sources).flatMap((source, index) => otherThan(SOURCES, `${path}.projected.sources[${index}]`, recordOf(source))),
  ];
}

function otherThan(allowed: readonly string[], path: string, given: Fields): Problem[] {
  const others = Object.entries(given).filter(([kind, value]) => isGiven(value) && !allowed.includes(kind));
  return others.map(([kind, value]) => refused(`${path}.${kind}`, `one of ${allowed.join(', ')}`, value));
}
