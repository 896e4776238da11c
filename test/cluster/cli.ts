import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { isAlive, type ProcessIdentity, readStartTime, sendSignal } from '../../local/nodes/marked-processes';
import { startControlPlane } from '../support/real-cluster';
import { until } from '../support/waiting';
import { buildKubernetes, buildKwok, kubernetesVersion } from './programs';

/** The cluster that `up` started, as `status` and `down` find it. */
interface Running extends ProcessIdentity {
  readonly kubeconfigPath: string;
  readonly url: string;
  readonly folder: string;
}

const STATE_FILE = join(homedir(), '.cache', 'cdk8s-sandboxes', 'cluster.json');

async function build(): Promise<void> {
  await buildKubernetes();
  await buildKwok();
}

async function up({ simulatedNodes }: { readonly simulatedNodes: number }): Promise<void> {
  if (readRunning() === undefined) await startHolder(simulatedNodes);
  printStatus();
}

/** Starts the process that owns the cluster, and waits until it says that the cluster is there. */
async function startHolder(simulatedNodes: number): Promise<void> {
  process.stderr.write(`starting Kubernetes ${kubernetesVersion()}; it is built first when it was not before, which takes 5 minutes\n`);
  const holder = spawn(process.execPath, [__filename, 'hold', `--simulated-nodes=${simulatedNodes}`], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  // The holder ends its output by ending; until then the only thing it says is that the cluster is up.
  await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
  if (readRunning() === undefined) throw new Error('cluster: expected it to start, got none; see the message above');
  holder.stdout.destroy();
  holder.unref();
}

/** Owns the cluster until a signal ends both. */
async function hold({ simulatedNodes }: { readonly simulatedNodes: number }): Promise<void> {
  const stopped = Promise.race((['SIGTERM', 'SIGINT'] as const).map((signal) => once(process, signal)));
  const { kubeconfigPath, url, folder, stop } = await startControlPlane({ simulatedNodes });
  const running: Running = { pid: process.pid, startTime: readStartTime(process.pid) ?? '', kubeconfigPath, url, folder };
  await mkdir(dirname(STATE_FILE), { recursive: true });
  await writeFile(STATE_FILE, JSON.stringify(running));
  process.stdout.write('up\n');
  await stopped;
  await stop();
  await rm(STATE_FILE, { force: true });
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
  const text =
    running === undefined
      ? "no cluster is running; start one with 'npm run cluster -- up'"
      : `Kubernetes ${kubernetesVersion()} at ${running.url}\nuse it:  export KUBECONFIG=${running.kubeconfigPath}\nlogs:    ${running.folder}/*.log\nend it:  npm run cluster -- down`;
  process.stdout.write(`${text}\n`);
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

const program = new Command('cluster').description('Real Kubernetes on loopback, for tests and trials; one at a time for each user.');
const nodes = ['--simulated-nodes <count>', 'nodes whose pods are Ready at once and run nothing', toCount, 0] as const;
program.command('build').description('build it, unless that was done before').action(build);
program.command('up').description('start it, and say how to use it').option(...nodes).action(up);
program.command('status').description('say whether it runs, and how to use it').action(printStatus);
program.command('down').description('end it and remove all that it kept').action(down);
program.command('hold', { hidden: true }).option(...nodes).action(hold);

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
