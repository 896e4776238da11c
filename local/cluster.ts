import { randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeApi } from '../operator/kube/api';
import { fixedConnection } from '../operator/kube/connection';
import type { ResourceType } from '../operator/kube/resource-types';
import { Transport } from '../operator/kube/transport';
import { systemClock as clock } from '../src/program/clock';
import { createLogger } from '../src/program/log';
import { allCrds } from '../src/schema/crds';
import { EnvVar } from '../src/schema/names';
import type { PodExec } from './api/pod-exec';
import type { PodLogRequest, PodLogs } from './api/pod-logs';
import { type ApiServer, createApiServer } from './api/server';
import { clustersRoot, createClusterFolder } from './cluster-folder';
import { AddressBlock } from './nodes/address-block';
import { ContainerLog } from './nodes/container-log';
import { CLUSTER_MARKER } from './nodes/marked-processes';
import { Nodes } from './nodes/nodes';
import { isErrorWithCode } from './nodes/system-error';
import { OperatorProcess } from './operator-process';
import { programCommand } from './programs';
import { startReaper } from './reaper';
import { type ServerAccess, ServerProcess } from './server-process';
import { createSigningSecret, OPERATOR_NAMESPACE } from './signing-secret';

const CRDS: ResourceType = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

/** Port of the API server. Being bound on 127.N.0.1, it claims all of 127.N.0.0/16 for its cluster. */
const API_PORT = 16443;
/** Second octets that clusters use; low ones are taken by resolvers and host names of some systems. */
const OCTETS = { first: 10, last: 249 } as const;
/** Time from TERM to KILL at the end of a cluster, in ms: nothing in it is kept, so it need not end well. */
const STOP_GRACE_MS = 1_000;

export interface ClusterOptions {
  /** @default 1 */
  readonly nodes?: number;
  /** PATH of operator and containers. */
  readonly path: string;
  /** Whether the operator runs. @default true */
  readonly operator?: boolean;
  /** Flags of the operator, beside those that this cluster needs; see docs/settings.md. @default - its defaults */
  readonly operatorFlags?: readonly string[];
  /** Whether the lifecycle server runs. @default false */
  readonly lifecycleServer?: boolean;
  /** Ends the wait for the operator. @default - it is waited for */
  readonly signal?: AbortSignal;
}

/** An embedded cluster that runs in this process and its children. */
export interface Cluster {
  readonly id: string;
  /** Everything that the cluster keeps on disk is in here. */
  readonly folder: string;
  readonly kubeconfigPath: string;
  readonly server: ApiServer;
  readonly transport: Transport;
  readonly api: KubeApi;
  /** How SDKs reach the lifecycle server; undefined when it does not run. */
  readonly lifecycle?: ServerAccess;
  /** Pid of the operator, or undefined while it does not run. */
  operatorPid(): number | undefined;
  /**
   * Ends the cluster: operator, pods, API server, and then every process and file that is left.
   *
   * @throws Error when something is left nevertheless
   */
  stop(): Promise<void>;
}

/**
 * Starts an embedded cluster: API server, CRDs, nodes and operator.
 *
 * When this process ends in whatever way, the cluster's processes and files go too: see {@link startReaper}.
 *
 * @throws Error when a part does not start, the reason of the signal when it aborts; what was started has been ended then
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  if (process.platform !== 'linux') throw new Error(`embedded cluster: expected linux, got ${process.platform}; use a Linux machine or container`);
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    const errors: unknown[] = [];
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close().catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, `embedded cluster: not ended cleanly: ${errors.map(String).join('; ')}`);
  };
  try {
    return { ...(await startParts(options, (close) => closers.push(close))), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts the parts in order and registers the end of each. */
async function startParts(
  { nodes: count = 1, path, operator = true, operatorFlags = [], lifecycleServer = false, signal }: ClusterOptions,
  onClose: (close: () => Promise<void>) => void,
): Promise<Omit<Cluster, 'stop'>> {
  const root = clustersRoot();
  const { id, path: folder } = await createClusterFolder(root);
  const reaper = await startReaper(root, id);
  onClose(() => reaper.finish());

  // The API server comes first and the nodes are its clients, but what runs in pods it learns from them.
  const inPods: { logs?: PodLogs; exec?: PodExec } = {};
  const { server, addresses } = await claimAddresses({ logs: (...request) => inPods.logs?.(...request), exec: (request) => inPods.exec?.(request) });
  onClose(() => server.close());
  const kubeconfigPath = join(folder, 'kubeconfig');
  await writeFile(kubeconfigPath, server.kubeconfig(), { mode: 0o600 });
  const transport = new Transport({ connection: fixedConnection(server.url, server.token, { ca: server.ca }), clock });
  onClose(() => transport.destroy());
  const api = new KubeApi({ transport });
  await Promise.all([...allCrds().map((crd) => api.create(CRDS, crd)), createSigningSecret(api)]);

  const podsFolder = join(folder, 'pods');
  await mkdir(podsFolder, { mode: 0o700 });
  const nodeLog = new ContainerLog(join(folder, 'node.log'));
  onClose(() => Promise.resolve(nodeLog.close()));
  const nodes = new Nodes({
    count,
    settings: { address: addresses.clusterAddress, clusterId: id, podsFolder, path, executorCommand: programCommand('sandbox-executor') },
    transport,
    addresses,
    clock,
    log: createLogger('sandboxes-node', 'info', { write: (line) => nodeLog.append(Buffer.from(line)) }),
  });
  inPods.exec = ({ namespace, pod, container, command }) => nodes.command(namespace, pod, container, command);
  inPods.logs = (request, signal) => readLog(nodes.log(request.namespace, request.pod, request.container), request, signal);
  onClose(() => nodes.stop(STOP_GRACE_MS));
  await nodes.start();

  const environment = { PATH: path, HOME: folder, TMPDIR: folder, [CLUSTER_MARKER]: id };
  const operatorProcess = new OperatorProcess({
    command: programCommand('sandbox-operator'),
    env: { ...environment, [EnvVar.podNamespace]: OPERATOR_NAMESPACE },
    folder,
    kubeconfigPath,
    address: addresses.clusterAddress,
    logPath: join(folder, 'operator.log'),
    clock,
    flags: operatorFlags,
  });
  onClose(() => operatorProcess.stop(STOP_GRACE_MS));
  const starts = [...(operator ? [operatorProcess.start(signal)] : [])];
  let lifecycle: ServerAccess | undefined;
  if (lifecycleServer) {
    const serverProcess = await ServerProcess.create({ command: programCommand('sandbox-server'), env: environment, folder, kubeconfigPath, address: addresses.clusterAddress, clock });
    onClose(() => serverProcess.stop(STOP_GRACE_MS));
    starts.push(serverProcess.start(signal));
    lifecycle = serverProcess.access;
  }
  await Promise.all(starts);
  return { id, folder, server, transport, api, kubeconfigPath, lifecycle, operatorPid: () => operatorProcess.pid };
}

/** Starts the API server on the first free address block, beginning anywhere, so that clusters that start together do not meet. */
async function claimAddresses(inPods: { readonly logs: PodLogs; readonly exec: PodExec }): Promise<{ readonly server: ApiServer; readonly addresses: AddressBlock }> {
  const size = OCTETS.last - OCTETS.first + 1;
  const start = randomInt(size);
  for (let tries = 0; tries < size; tries += 1) {
    const addresses = new AddressBlock(OCTETS.first + ((start + tries) % size));
    try {
      return { server: await createApiServer({ host: addresses.clusterAddress, port: API_PORT, ...inPods, clock }), addresses };
    } catch (error) {
      if (!isErrorWithCode(error, 'EADDRINUSE')) throw error;
    }
  }
  const range = `127.${String(OCTETS.first)}.0.1 to 127.${String(OCTETS.last)}.0.1`;
  throw new Error(`API server: expected port ${String(API_PORT)} to be free on one of ${range}, got none`);
}

function readLog(
  log: ContainerLog | undefined,
  { follow, previous, tailLines }: PodLogRequest,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> | undefined {
  // The runs of a container share one log, so there is no separate one of the run before.
  if (log === undefined || previous) return undefined;
  return follow ? log.follow(signal, tailLines) : log.snapshot(tailLines);
}
