import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { isAlive, type ProcessIdentity, readStartTime, sendSignal } from '../../local/nodes/marked-processes';
import { type ControlPlane, startControlPlane, startNodeCluster } from './real-cluster';
import { until } from '../support/waiting';
import { loadImages, type NodeEntry } from './node/run-on-node';
import { BUILD_TIMEOUT_MS, buildKubernetes, buildKwok, kubernetesVersion } from './programs';

/** What kind of cluster to start. */
interface UpOptions {
  /** Whether it gets a real node. */
  readonly node: boolean;
  readonly simulatedNodes: number;
}

/** The cluster that `up` started, as the other commands find it. */
interface Running extends ProcessIdentity {
  readonly kubeconfigPath: string;
  readonly url: string;
  readonly folder: string;
  readonly program: string;
  /** The real node, if it has one. */
  readonly node?: NodeEntry;
}

const STATE_FOLDER = join(homedir(), '.cache', 'cdk8s-sandboxes');
const STATE_FILE = join(STATE_FOLDER, 'cluster.json');
const LOG_FILE = join(STATE_FOLDER, 'cluster.log');

async function build(): Promise<void> {
  await buildKubernetes();
  await buildKwok();
}

async function up(options: UpOptions): Promise<void> {
  if (options.node && options.simulatedNodes > 0) throw new Error('cluster: --simulated-nodes: expected 0 beside --node, since kwok would look after the real node too');
  const running = readRunning();
  if (running === undefined) await startHolder(options);
  else if (options.node && running.node === undefined) throw new Error("cluster: --node: expected no cluster, or one with a node, to be running, got one without; end it first: npm run cluster -- down");
  printStatus();
}

/** Starts the process that owns the cluster, and waits until that says that the cluster is there. */
async function startHolder({ node, simulatedNodes }: UpOptions): Promise<void> {
  process.stderr.write(`starting Kubernetes ${kubernetesVersion()}; it is built first when it was not before, which takes 5 minutes\n`);
  await mkdir(STATE_FOLDER, { recursive: true });
  const args = [__filename, 'hold', `--simulated-nodes=${simulatedNodes}`, ...(node ? ['--node'] : [])];
  // Its output is a file: it outlives us, and whoever reads ours waits for the end of all that have it.
  const log = openSync(LOG_FILE, 'w', 0o600);
  const holder = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  let ended = false;
  holder.once('exit', () => (ended = true));
  await until(() => {
    if (readRunning() === undefined && !ended) throw new Error(`cluster: expected it to start, got none; see ${LOG_FILE}`);
  }, BUILD_TIMEOUT_MS);
  if (ended) throw new Error(`cluster: expected it to start, got none: ${readFileSync(LOG_FILE, 'utf8').trim()}`);
  holder.unref();
}

/** Owns the cluster until a signal ends both. */
async function hold({ node, simulatedNodes }: UpOptions): Promise<void> {
  const stopped = Promise.race((['SIGTERM', 'SIGINT'] as const).map((signal) => once(process, signal)));
  const { stop, ...cluster } = node ? await startNodeCluster() : await startControlPlane({ simulatedNodes });
  const running = { pid: process.pid, startTime: readStartTime(process.pid) ?? '', ...toRunning(cluster) };
  await writeFile(STATE_FILE, JSON.stringify(running), { mode: 0o600 });
  await stopped;
  await stop();
  await rm(STATE_FILE, { force: true });
}

function toRunning({ kubeconfigPath, url, folder, program, node }: Omit<ControlPlane, 'stop'> & { readonly node?: NodeEntry }): Omit<Running, keyof ProcessIdentity> {
  return { kubeconfigPath, url, folder, program, ...(node !== undefined && { node: { id: node.id, pid: node.pid } }) };
}

/** Loads images into the node of the running cluster. */
async function load(archives: readonly string[]): Promise<void> {
  const node = readRunning()?.node;
  if (node === undefined) throw new Error("cluster: expected one with a node to be running, got none; start it with 'npm run cluster -- up --node'");
  await loadImages(node, archives.map((archive) => resolve(archive)));
}

async function down(): Promise<void> {
  const running = readRunning();
  if (running === undefined) return printStatus();
  sendSignal(running, 'SIGTERM');
  await until(() => {
    if (isAlive(running)) throw new Error(`cluster: expected process ${running.pid} to end after SIGTERM, got it still running`);
  });
  printStatus();
}

function printStatus(): void {
  const running = readRunning();
  process.stdout.write(running === undefined ? "no cluster is running; start one with 'npm run cluster -- up'\n" : describe(running));
}

function describe({ url, kubeconfigPath, folder, program, node }: Running): string {
  return `Kubernetes ${kubernetesVersion()} at ${url}, ${node === undefined ? 'without a real node' : 'with a real node'}
use it:   export KUBECONFIG=${kubeconfigPath}
kubectl:  alias kubectl='${program} kubectl' # of the same version, if you have none
logs:     ${folder}/*.log
end it:   npm run cluster -- down
`;
}

function readRunning(): Running | undefined {
  try {
    const running = JSON.parse(readFileSync(STATE_FILE, 'utf8')) as Running;
    return isAlive(running) ? running : undefined;
  } catch {
    return undefined; // never started, or ended
  }
}

function toCount(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError(`expected a whole number from 0 to 999, got '${text}'`);
  return Number(text);
}

const program = new Command('cluster').description('Real Kubernetes on this machine, for tests and trials; one at a time for each user.');
const simulated = ['--simulated-nodes <count>', 'nodes whose pods are Ready at once and run nothing', toCount, 0] as const;
const real = ['--node', 'one real node: containerd, runc, CNI and kubelet; needs root', false] as const;
program.command('build').description('build it, unless that was done before').action(build);
program.command('up').description('start it, and say how to use it').option(...real).option(...simulated).action(up);
program.command('status').description('say whether it runs, and how to use it').action(printStatus);
program.command('load').description('load images into the real node').argument('<archives...>', 'files that docker save or buildah wrote').action(load);
program.command('down').description('end it and remove all that it kept').action(down);
program.command('hold', { hidden: true }).option(...real).option(...simulated).action(hold);

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
