import { hasDeadOwner } from '../../../local/cluster-folder';
import { runOk } from '../../support/run-ok';
import { nodeIdsInCgroups } from './cgroups';
import { linkName } from './network';
import { nodeScript } from './run-on-node';

/** Removes what nodes left whose owner was killed together with the script that would have removed it. */
export async function sweepDeadNodes(): Promise<void> {
  const ids = await nodeIdsInCgroups();
  for (const id of ids.filter(hasDeadOwner)) await runOk('sh', [nodeScript('remove.sh'), id, linkName(id)]);
}
