import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { CLUSTER_MARKER } from '../../local/nodes/marked-processes';
import { programCommand } from '../../local/programs';
import type { ControlPlane } from '../cluster/real-cluster';

/** An operator that is killed and started again, as a process of this machine. */
export class OperatorUnderFire {
  private child: ChildProcess | undefined;
  private ended: Promise<unknown> = Promise.resolve();

  /** @param leaderElect whether it acts only while it holds the lease */
  constructor(
    private readonly cluster: Pick<ControlPlane, 'folder' | 'kubeconfigPath'>,
    private readonly leaderElect: boolean,
  ) {}

  /** Starts it; its log goes to `operator.log` in the folder of the cluster. */
  start(): void {
    const { folder, kubeconfigPath } = this.cluster;
    const [file, ...args] = programCommand('sandbox-operator');
    const log = openSync(join(folder, 'operator.log'), 'a');
    const flags = [`--kubeconfig=${kubeconfigPath}`, `--leader-elect=${this.leaderElect}`, '--health-probe-bind-address=0'];
    this.child = spawn(file, [...args, ...flags], { env: { POD_NAMESPACE: 'default', [CLUSTER_MARKER]: folder.replace(/^.*\//, '') }, stdio: ['ignore', log, log] });
    this.ended = once(this.child, 'exit');
    closeSync(log);
  }

  /** Sends SIGKILL, and resolves when it has ended. */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.ended;
  }
}
