import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rename, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { request } from 'undici';
import { CLUSTER_MARKER } from '../../local/nodes/marked-processes';
import { programCommand } from '../../local/programs';
import type { Manifest } from '../support/synth';

/** Gives a program a `/run` of its own, with the credentials of a pod where the kubelet puts them; needs no root. */
const MOUNT_CREDENTIALS = 'mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io && ln -s "$0" /run/secrets/kubernetes.io/serviceaccount && exec "$@"';

/** What a replica needs to know of its cluster. */
export interface ReplicaContext {
  readonly cluster: { readonly url: string; readonly folder: string };
  /** The operator's Deployment: arguments and environment come from it. */
  readonly deployment: Manifest;
  /** PEM of the API server's certificate authority. */
  readonly ca: string;
  readonly token: string;
}

/** The part of the Deployment that is read here. */
interface ManagerContainer {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

/** The operator as a process of this machine that sees what the container of a pod sees. */
export class OperatorReplica {
  private readonly ended: Promise<unknown>;

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    private readonly credentials: string,
    private readonly ca: string,
    private readonly namespace: string,
    private readonly ports: { readonly host: string; readonly health: number; readonly metrics: number },
  ) {
    this.ended = new Promise((resolve) => {
      child.once('exit', resolve);
      child.on('error', (error) => {
        this.log += error.message;
        resolve(error);
      });
    });
  }

  /** Starts a replica with further flags; `index` makes its ports and files different from those of others. */
  static async start({ cluster, deployment, ca, token }: ReplicaContext, index: number, flags: readonly string[] = []): Promise<OperatorReplica> {
    const { hostname, port } = new URL(cluster.url);
    const name = `replica-${index}`;
    const credentials = join(cluster.folder, name);
    const { namespace = '' } = deployment.metadata;
    await mkdir(credentials, { mode: 0o700 });
    await replaceCredentials(credentials, { token, 'ca.crt': ca, namespace });
    for (const file of ['token', 'ca.crt', 'namespace']) await symlink(join('..data', file), join(credentials, file));

    const ports = { host: hostname, health: 20_000 + index, metrics: 30_000 + index };
    const { args, env } = (deployment.spec as { template: { spec: { containers: [ManagerContainer] } } }).template.spec.containers[0];
    // The last of equal flags wins.
    const addresses = [`--health-probe-bind-address=${hostname}:${ports.health}`, `--metrics-bind-address=${hostname}:${ports.metrics}`];
    const values = Object.fromEntries(env.map(({ name: variable, value = namespace }) => [variable, value]));
    const child = spawn('unshare', ['--map-root-user', '--mount', 'sh', '-c', MOUNT_CREDENTIALS, credentials, ...programCommand('sandbox-operator'), ...args, ...addresses, ...flags], {
      env: { ...values, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, PATH: process.env.PATH, [CLUSTER_MARKER]: basename(cluster.folder) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const replica = new OperatorReplica(name, child, credentials, ca, namespace, ports);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (replica.log += text));
    return replica;
  }

  /** What the replica has logged. */
  log = '';

  /** Whether its readiness probe succeeds. */
  async isReady(): Promise<boolean> {
    return (await this.ask(this.ports.health, '/readyz')).status === 200;
  }

  /** Whether it acts. */
  async isLeading(): Promise<boolean> {
    const { text } = await this.ask(this.ports.metrics, '/metrics');
    return /^leader_election_master_status\{.*\} 1$/m.test(text);
  }

  /** How often it has looked at a Pool so far. */
  async countPoolPasses(): Promise<number> {
    const { text } = await this.ask(this.ports.metrics, '/metrics');
    return [...text.matchAll(/^controller_runtime_reconcile_total\{controller="pool",[^}]*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** Replaces its token as the kubelet does. */
  async replaceToken(token: string): Promise<void> {
    await replaceCredentials(this.credentials, { token, 'ca.crt': this.ca, namespace: this.namespace });
  }

  /** Lets it do nothing until {@link end} sends it SIGCONT. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  /** Sends a signal and waits for the end; the exit code, null after a kill. */
  async end(signal: 'SIGTERM' | 'SIGKILL' | 'SIGCONT'): Promise<number | null> {
    this.child.kill(signal);
    await this.ended;
    return this.child.exitCode;
  }

  private async ask(port: number, path: string): Promise<{ status: number; text: string }> {
    try {
      const { statusCode, body } = await request(`http://${this.ports.host}:${port}${path}`);
      return { status: statusCode, text: await body.text() };
    } catch (error) {
      if (this.child.exitCode === null && this.child.signalCode === null) return { status: 0, text: '' }; // it does not listen yet
      throw new Error(`${this.name}: expected it to run, got its end:\n${this.log}`, { cause: error });
    }
  }
}

/** Writes a new folder and moves the link `..data` to it, so that all files change at once. */
async function replaceCredentials(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  const version = await mkdtemp(join(folder, '..version-'));
  for (const [file, text] of Object.entries(files)) await writeFile(join(version, file), text);
  await symlink(basename(version), join(folder, '..data_new'));
  await rename(join(folder, '..data_new'), join(folder, '..data'));
}
