import type { Clock } from '../../src/program/clock';
import { inClusterConnection, type KubeConnection } from './connection';

/**
 * The cluster that a program is to work on: that of a kubeconfig, or, where neither flag nor KUBECONFIG names one, the one that its pod runs in.
 *
 * @param kubeconfig file that the program was told; absent means KUBECONFIG, then the pod's service account, then `~/.kube/config`
 * @throws Error when there is none
 */
export async function connectToCluster(kubeconfig: string | undefined, env: Readonly<Record<string, string | undefined>>, clock: Pick<Clock, 'monotonicMs'>): Promise<KubeConnection> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443', KUBECONFIG } = env;
  if (kubeconfig === undefined && KUBECONFIG === undefined && host !== undefined) return inClusterConnection({ host, port });
  const { connectionFromKubeconfig } = await import('./client-node.js');
  return connectionFromKubeconfig(kubeconfig, () => clock.monotonicMs());
}
