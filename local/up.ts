import { access, constants, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { BATCHES, POOLS } from '../operator/kube/resource-types';
import { aborted } from '../src/program/shutdown';
import type { BatchSandbox } from '../src/schema/batch-sandbox';
import { objectKey } from '../src/schema/kubernetes';
import type { Pool } from '../src/schema/pool';
import { type App, findApp, synthesize } from './app';
import { Applier } from './apply';
import { type Cluster, startCluster } from './cluster';
import type { CommandContext } from './command';
import { LiveObjects } from './live-objects';
import { readManifests } from './manifests';
import { CLUSTER_MARKER } from './nodes/marked-processes';
import type { ServerAccess } from './server-process';

export interface UpOptions {
  /** Folder of a cdk8s app, or file or folder of manifests. @default - nothing is applied */
  readonly app?: string;
  /** @default - only the one in the cluster's folder */
  readonly kubeconfig?: string;
  /** Whether the lifecycle server runs, for SDKs. @default false */
  readonly server?: boolean;
  /** Flags of the operator, such as `--task-stop-timeout=5s`; see docs/settings.md. @default - its defaults */
  readonly operatorFlag?: readonly string[];
  readonly json: boolean;
}

/** Changes of one object within this time are shown as one line, in ms. */
const SHOW_INTERVAL_MS = 500;

/** Starts a cluster, applies an app and stays until the signal aborts. */
export async function up({ app, kubeconfig, server, operatorFlag, json }: UpOptions, context: CommandContext): Promise<void> {
  const { progress, signal, env } = context;
  const source = app === undefined ? undefined : { path: app, app: await findApp(app) };
  const ownPath = kubeconfig === undefined ? undefined : resolve(kubeconfig);
  if (ownPath !== undefined) await checkPlace(ownPath);
  const cluster = await progress.step('start the embedded cluster', () => startCluster({ path: env.PATH ?? '', lifecycleServer: server, operatorFlags: operatorFlag, signal }));
  context.atEnd(() => cluster.stop());
  signal.throwIfAborted();
  const kubeconfigPath = ownPath ?? cluster.kubeconfigPath;
  if (ownPath !== undefined) await writeKubeconfig(ownPath, cluster, context);
  if (source !== undefined) await applyApp(source, cluster, context);

  if (json) context.print(JSON.stringify({ kubeconfig: kubeconfigPath, server: cluster.server.url, ...(cluster.lifecycle !== undefined && { lifecycle: cluster.lifecycle }), pid: process.pid }));
  else context.print(whatNext(kubeconfigPath, app, cluster.lifecycle));
  if (!json) await showChanges(cluster, signal);
  await untilAborted(signal);
}

/** Refuses a place for the kubeconfig that holds one that is not ours, or that cannot be written, before anything is started. */
async function checkPlace(path: string): Promise<void> {
  const existing = await readFile(path, 'utf8').catch(() => undefined);
  if (existing !== undefined && !existing.includes('"current-context": "sandboxes"')) {
    throw new Error(`--kubeconfig: expected a path without a file, got '${path}', which is not ours; name another`);
  }
  try {
    await access(existing === undefined ? dirname(path) : path, constants.W_OK);
  } catch (error) {
    throw new Error(`--kubeconfig: expected a path that can be written, got '${path}': ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Writes the kubeconfig to a place of the user's choice, until the end of the cluster. */
async function writeKubeconfig(path: string, { server }: Cluster, { atEnd }: CommandContext): Promise<void> {
  atEnd(() => rm(path, { force: true }));
  await writeFile(path, server.kubeconfig(), { mode: 0o600 });
}

async function applyApp({ path, app }: { path: string; app: App | undefined }, cluster: Cluster, { progress, signal, env }: CommandContext): Promise<void> {
  if (app !== undefined) {
    await progress.step(`synthesize '${path}'`, () => synthesize(app, { ...env, [CLUSTER_MARKER]: cluster.id }, signal));
  }
  const manifests = await readManifests(app?.outputFolder ?? path);
  await progress.step(`apply ${String(manifests.length)} objects`, (show) =>
    new Applier(cluster.api, cluster.transport, 'default').apply(manifests, (count) => show(`${String(count)} done`)),
  );
}

function whatNext(kubeconfigPath: string, app: string | undefined, lifecycle: ServerAccess | undefined): string {
  const empty = app === undefined ? ' It is empty: no app was named.' : '';
  return `
The cluster is up until Ctrl-C.${empty} It isolates nothing: pods are processes of this machine, under your user.
Deployments are stored but not run, since the operator is built in.

In another terminal:
  export KUBECONFIG=${kubeconfigPath}
  kubectl get pools,batchsandboxes -A
  npx sandboxes status -A
${lifecycle === undefined ? '' : forSdks(lifecycle)}`;
}

/** What SDKs read. Their sandboxes are in the namespace `default`. */
function forSdks({ domain, apiKey }: ServerAccess): string {
  return `
For OpenSandbox SDKs, which read these variables:
  export OPEN_SANDBOX_DOMAIN=${domain}
  export OPEN_SANDBOX_API_KEY=${apiKey}
`;
}

/** Prints a line for each pool and batch that changes, to standard error. */
async function showChanges(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const pools = await LiveObjects.watch(cluster.api, POOLS, signal);
  const batches = await LiveObjects.watch(cluster.api, BATCHES, signal);
  const waiting = new Map<string, string>();
  const shown = new Map<string, string>();
  const show = (subject: string, line: string) => {
    if (waiting.size === 0) setTimeout(flush, SHOW_INTERVAL_MS);
    waiting.set(subject, line);
  };
  const flush = () => {
    for (const [subject, line] of waiting) if (shown.get(subject) !== line) process.stderr.write(`${subject}: ${line}\n`);
    for (const [subject, line] of waiting) shown.set(subject, line);
    waiting.clear();
  };
  const showPool = (pool: Pool) => show(`pool ${objectKey(pool)}`, toPoolLine(pool));
  const showBatch = (batch: BatchSandbox) => show(`batch ${objectKey(batch)}`, toBatchLine(batch));
  pools.values().forEach(showPool);
  batches.values().forEach(showBatch);
  pools.onChange(showPool);
  batches.onChange(showBatch);
}

function toPoolLine({ status }: Pool): string {
  if (status === undefined) return 'new';
  return `${String(status.total)} pods, ${String(status.available)} available, ${String(status.allocated)} allocated`;
}

function toBatchLine({ spec, status }: BatchSandbox): string {
  if (status === undefined) return 'new';
  const tasks = `tasks: ${String(status.taskRunning)} running, ${String(status.taskSucceed)} succeeded, ${String(status.taskFailed)} failed`;
  return `${String(status.ready)} of ${String(spec.replicas ?? 1)} ready; ${tasks}`;
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  await aborted(signal);
  throw signal.reason;
}
