import { KubeApi } from '../operator/kube/api';
import { Transport } from '../operator/kube/transport';
import { systemClock as clock } from '../src/program/clock';
import type { CommandContext } from './command';

/** The cluster that a kubeconfig names. */
export interface ChosenCluster {
  readonly api: KubeApi;
  /** Namespace of the kubeconfig, or `default`. */
  readonly namespace: string;
}

/**
 * Connects to the cluster of a kubeconfig until the end of the command.
 *
 * @param kubeconfig file; absent means KUBECONFIG, then ~/.kube/config
 */
export async function chooseCluster(kubeconfig: string | undefined, { atEnd }: CommandContext): Promise<ChosenCluster> {
  const { connectionFromKubeconfig } = await import('../operator/kube/client-node.js');
  const connection = await connectionFromKubeconfig(kubeconfig, () => clock.monotonicMs());
  const transport = new Transport({ connection, clock });
  atEnd(() => transport.destroy());
  return { api: new KubeApi({ transport }), namespace: connection.namespace ?? 'default' };
}
