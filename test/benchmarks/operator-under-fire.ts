import { basename, join } from 'node:path';
import { CLUSTER_MARKER } from '../../local/nodes/marked-processes';
import type { ControlPlane } from '../cluster/real-cluster';
import { type LoggedProcess, spawnOperator } from '../support/spawn-logged';

/** An operator that is killed and started again, as a process of this machine. */
export class OperatorUnderFire {
  private running: LoggedProcess | undefined;

  /** @param leaderElect whether it acts only while it holds the lease */
  constructor(
    private readonly cluster: Pick<ControlPlane, 'folder' | 'kubeconfigPath'>,
    private readonly leaderElect: boolean,
  ) {}

  /** Starts it; its log goes to `operator.log` in the folder of the cluster. */
  start(): void {
    const { folder, kubeconfigPath } = this.cluster;
    const flags = [`--kubeconfig=${kubeconfigPath}`, `--leader-elect=${this.leaderElect}`, '--health-probe-bind-address=0'];
    this.running = spawnOperator(flags, { env: { POD_NAMESPACE: 'default', [CLUSTER_MARKER]: basename(folder) }, logPath: join(folder, 'operator.log') });
  }

  /** Sends SIGKILL, and resolves when it has ended. */
  async kill(): Promise<void> {
    this.running?.child.kill('SIGKILL');
    await this.running?.ended;
  }
}
