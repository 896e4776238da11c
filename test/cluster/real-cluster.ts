import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ensurePackages } from '../../images/debian-packages';
import { clustersRoot, createClusterFolder, sweepDeadClusters } from '../../local/cluster-folder';
import { startReaper } from '../../local/reaper';
import { type Access, startKubernetes, withClient, writeAccess } from './control-plane';
import { expectCgroups, nodeIdsInCgroups } from './node/cgroups';
import { NODE_PACKAGES, type NodeContext, RealNode } from './node/node';
import { sweepDeadNodes } from './node/sweep';
import { buildKubernetes, buildKwok } from './programs';
import { buildTestImages } from '../images/test-images';
import { ClusterPrograms } from '../support/cluster-programs';
import type { KubectlAccess } from '../support/run-kubectl';
import { addSimulatedNodes, kwokFlags } from './simulated-nodes';

/** Services have addresses, though nothing routes to them without a node. */
const SERVICE_ADDRESSES = '10.96.0.0/16';

export interface ControlPlaneOptions {
  /** Nodes simulated by kwok, whose pods are Ready at once and run nothing. @default 0 */
  readonly simulatedNodes?: number;
  /** Addresses of their pods, as a range of 127.250.0.0/16 that begins with the first of them. @default '127.250.0.1/16' */
  readonly podAddresses?: string;
}

export interface NodeClusterOptions {
  /** Archives of images for the node, beside {@link TestImage}; they are loaded while the control plane starts. @default - none */
  readonly images?: readonly string[];
}

/** Real Kubernetes. */
export interface ControlPlane extends Access, KubectlAccess {
  /** Everything that the cluster keeps on disk, with `<part>.log` for each part. */
  readonly folder: string;
  /** Kills etcd and the API server, as a loss of their machine would, and starts them again; they are not up yet when this resolves. */
  restartServers(): Promise<void>;
  /**
   * Ends every process and removes every file.
   *
   * @throws Error when something is left nevertheless
   */
  stop(): Promise<void>;
}

/** Real Kubernetes with one real node, whose pods are reached at their addresses. */
export interface NodeCluster extends ControlPlane {
  readonly node: RealNode;
}

/**
 * Starts etcd, API server, controller manager and scheduler on a loopback address, with RBAC and without anonymous access.
 *
 * When this process ends in whatever way, theirs and their files go too: see {@link startReaper}.
 *
 * @throws Error when a part does not start; what was started has been ended then
 */
export async function startControlPlane({ simulatedNodes = 0, podAddresses }: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const kwok = simulatedNodes > 0 ? await buildKwok() : undefined;
  return start(async ({ folder, programs }, program) => {
    const address = loopbackAddress();
    const addresses = { etcd: address, api: address, apiPort: 6443, services: SERVICE_ADDRESSES };
    const access = await writeAccess(folder, addresses);
    await startKubernetes(folder, addresses, program, programs);
    if (kwok !== undefined) {
      programs.start('kwok', [kwok, ...kwokFlags(access.kubeconfigPath, podAddresses)]);
      await withClient(access.kubeconfigPath, (client) => addSimulatedNodes(client, simulatedNodes));
    }
    return access;
  });
}

/**
 * Starts the same with a real node. Needs root, and installs Debian packages that are missing.
 *
 * @throws Error as {@link startControlPlane}; without root, or cgroups that it can use, one that says what to do
 */
export async function startNodeCluster({ images = [] }: NodeClusterOptions = {}): Promise<NodeCluster> {
  expectCgroups(readFileSync('/proc/mounts', 'utf8'));
  await ensurePackages(NODE_PACKAGES);
  if (process.getuid?.() !== 0) throw new Error(`real node: user: expected root, got uid ${String(process.getuid?.())}; run it as root, or start the cluster without a node`);
  const testImages = (await buildTestImages()).map(({ archive }) => archive);
  await sweepDeadNodes();
  return start(async (context, program) => {
    const { folder, programs } = context;
    const node = await RealNode.create(context);
    const addresses = { etcd: loopbackAddress(), api: node.network.host, apiPort: 443, services: node.network.services, node: node.network.node };
    const access = await writeAccess(folder, addresses);
    await Promise.all([node.startContainerd([...testImages, ...images]), startKubernetes(folder, addresses, program, programs)]);
    await withClient(access.kubeconfigPath, (client) => node.startKubelet(program, client));
    return { ...access, node };
  });
}

/** Starts the parts of a cluster by `work`; ends them again when it fails or one of them ends. */
async function start<T extends Access>(work: (context: NodeContext, program: string) => Promise<T>): Promise<T & ControlPlane> {
  const program = await buildKubernetes();
  const root = clustersRoot();
  await sweepDeadClusters(root);
  const { id, path: folder } = await createClusterFolder(root);
  const reaper = await startReaper(root, id);
  const programs = new ClusterPrograms(folder, id);
  const stop = async () => {
    programs.expectEnd();
    await reaper.finish();
    await programs.ended();
    if ((await nodeIdsInCgroups()).includes(id)) throw new Error(`cluster '${id}': expected no cgroups of its node, got some after its end`);
  };
  try {
    const started = await Promise.race([work({ id, folder, programs }, program), programs.failed]);
    return { ...started, folder, program, restartServers: () => programs.restart(['etcd', 'kube-apiserver']), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** An address of its own makes fixed ports free. Embedded clusters stay below 127.250, simulated pods within it. */
function loopbackAddress(): string {
  return `127.${randomInt(251, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
}
