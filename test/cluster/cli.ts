import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { readRunningCluster, type RunningCluster } from '../../images/running-cluster';
import { type ClusterOptions, endHolder, hold, holderLog, startHolder, untilUp } from './holder';
import { loadImages } from './node/run-on-node';
import { buildKubernetes, buildKwok, kubernetesVersion } from './programs';

async function build(): Promise<void> {
  await buildKubernetes();
  await buildKwok();
}

async function up(options: ClusterOptions): Promise<void> {
  if (options.node && options.simulatedNodes > 0) throw new Error('cluster: --simulated-nodes: expected 0 beside --node, since kwok would look after the real node too');
  const running = readRunningCluster();
  if (running === undefined) {
    process.stderr.write(`starting Kubernetes ${kubernetesVersion()}; it is built first when it was not before, which takes 5 minutes\n`);
    await startHolder([__filename, 'hold', `--simulated-nodes=${options.simulatedNodes}`, ...(options.node ? ['--node'] : [])]);
  } else {
    refuseOther(options, running);
    await untilUp();
  }
  printStatus();
}

/** @throws Error when the cluster that runs is not of the kind that is asked for */
function refuseOther({ node, simulatedNodes }: ClusterOptions, running: RunningCluster): void {
  const refuse = (option: string, wanted: string, got: string) => {
    throw new Error(`cluster: --${option}: expected no cluster, or one with ${wanted}, to be running, got one ${got}; end it first: npm run cluster -- down`);
  };
  if (node && !running.withNode) refuse('node', 'a node', 'without');
  if (simulatedNodes > 0 && simulatedNodes !== running.simulatedNodes) refuse('simulated-nodes', `${simulatedNodes}`, `with ${running.simulatedNodes}`);
}

/** Loads images into the node of the running cluster. */
async function load(archives: readonly string[]): Promise<void> {
  const node = readRunningCluster()?.access?.node;
  if (node === undefined) throw new Error("cluster: expected one with a node to be running, got none; start it with 'npm run cluster -- up --node'");
  await loadImages(node, archives.map((archive) => resolve(archive)));
}

async function down(): Promise<void> {
  const running = readRunningCluster();
  if (running !== undefined) await endHolder(running);
  printStatus();
}

function printStatus(): void {
  const running = readRunningCluster();
  process.stdout.write(running === undefined ? "no cluster is running; start one with 'npm run cluster -- up'\n" : describe(running));
}

function describe({ pid, withNode, simulatedNodes, access }: RunningCluster): string {
  const what = `Kubernetes ${kubernetesVersion()}, ${withNode ? 'with a real node' : `without a real node, ${simulatedNodes} simulated`}`;
  if (access === undefined) return `${what}: process ${pid} is starting it; see ${holderLog()}\n`;
  const { url, kubeconfigPath, folder, program } = access;
  return `${what}, at ${url}
use it:   export KUBECONFIG=${kubeconfigPath}
kubectl:  alias kubectl='${program} kubectl' # of the same version, if you have none
logs:     ${folder}/*.log
end it:   npm run cluster -- down
`;
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
  process.exit(1); // a start that has failed may still wait for something
});
