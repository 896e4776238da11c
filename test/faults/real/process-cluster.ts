import { type Cluster, startCluster } from '../../../local/cluster';
import { OPERATOR_NAMESPACE } from '../../../local/signing-secret';
import { SIGNING_SECRET } from '../../../src/schema/names';
import { SYSTEM_PATH } from '../../support/run-ok';
import { ProcessMachines } from './process-machines';
import type { RealCluster } from './real-world';

/** The embedded cluster without its operator: pods, executors and tasks are processes of this machine. */
export async function startProcessCluster(): Promise<{ readonly cluster: RealCluster; readonly stop: Cluster['stop'] }> {
  const { folder, kubeconfigPath, stop } = await startCluster({ path: SYSTEM_PATH, operator: false });
  return {
    cluster: {
      folder,
      kubeconfigPath,
      limits: { size: 0.5, canRestart: true }, // a pod of processes costs a fifth of a second of a processor
      operatorNamespace: OPERATOR_NAMESPACE,
      operatorFlags: [`--executor-signing-secret=${SIGNING_SECRET}`, '--task-stop-timeout=8s'],
      startMachines: (client, onTask) => ProcessMachines.start(client, onTask),
    },
    stop,
  };
}
