import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLUSTER_MARKER } from '../../../local/nodes/marked-processes';
import { TestImage } from '../../images/test-images';
import type { ApiClient } from '../../support/api-client';
import type { ClusterPrograms } from '../../support/cluster-programs';
import { expectNodeReady } from '../../support/expect-node-ready';
import { SYSTEM_PATH } from '../../support/run-ok';
import { until } from '../../support/waiting';
import { renderCniConfig, renderContainerdConfig } from './containerd';
import { NODE_NAME, renderKubeletConfig } from './kubelet';
import { chooseNetwork, linkName, linkNode, type NodeNetwork } from './network';
import { commandOnNode, loadImages, type NodeEntry, nodeScript, runOnNode } from './run-on-node';

/** Debian packages of a node: container runtime, network plugins, its first process, and the tools that make it and look into it. */
export const NODE_PACKAGES = ['catatonit', 'containerd', 'containernetworking-plugins', 'iproute2', 'procps', 'runc', 'util-linux'];

/** Longest start of the namespaces, of containerd, and then of the kubelet, in ms; each takes about 1 s on an idle machine. */
const START_WITHIN_MS = 60_000;

/** What a node is started with. */
export interface NodeContext {
  /** Id of the cluster. */
  readonly id: string;
  /** Folder of the cluster. */
  readonly folder: string;
  readonly programs: ClusterPrograms;
}

/**
 * A real node: containerd, runc, CNI plugins and a kubelet in namespaces of their own.
 *
 * When the first process of the namespaces ends, the kernel ends everything in them: shims, containers, mounts, interfaces. That process
 * carries the cluster's marker. What remains, a link and cgroups, is removed by namespaces.sh, which waits for that end.
 *
 * It says to have 64 processors, so that what pods ask for by default fits; how many containers see and get is up to the machine.
 */
export class RealNode implements NodeEntry {
  readonly id: string;
  private readonly folder: string;

  private constructor(
    private readonly context: NodeContext,
    readonly network: NodeNetwork,
    readonly pid: number,
  ) {
    this.id = context.id;
    this.folder = nodeFolder(context);
  }

  /** Makes the namespaces and joins them to the machine. */
  static async create(context: NodeContext): Promise<RealNode> {
    const { id, programs } = context;
    const network = await chooseNetwork();
    const link = linkName(id);
    const folder = nodeFolder(context);
    await mkdir(folder);
    programs.start('node', ['env', '-', `PATH=${SYSTEM_PATH}`, 'sh', nodeScript('namespaces.sh'), id, link, folder]);
    const pid = Number(await until(() => readFile(join(folder, 'pid'), 'utf8'), START_WITHIN_MS));
    await linkNode(link, pid, network);
    return new RealNode(context, network, pid);
  }

  /** Starts containerd and loads images; {@link TestImage.pause}, which every pod needs, has to be among them. */
  async startContainerd(archives: readonly string[]): Promise<void> {
    const cniFolder = join(this.folder, 'cni');
    const configPath = join(this.folder, 'containerd.toml');
    await mkdir(cniFolder);
    await writeFile(join(cniFolder, 'pods.conflist'), renderCniConfig(this.network.pods));
    await writeFile(configPath, renderContainerdConfig(TestImage.pause, cniFolder));
    this.start('containerd', ['containerd', `--config=${configPath}`]);
    await until(() => runOnNode(this, ['ctr', 'version']), START_WITHIN_MS);
    await loadImages(this, archives);
  }

  /** Starts the kubelet and waits until the node is Ready; the API server has to be there. */
  async startKubelet(program: string, client: ApiClient): Promise<void> {
    const { folder } = this.context;
    const { host, node } = this.network;
    const configPath = join(this.folder, 'kubelet.json');
    await writeFile(configPath, renderKubeletConfig({ address: node, nameServer: host, certificatePath: join(folder, 'server.crt'), keyPath: join(folder, 'server.key') }));
    this.start('kubelet', [program, 'kubelet', `--config=${configPath}`, `--kubeconfig=${join(folder, 'kubelet.kubeconfig')}`, `--hostname-override=${NODE_NAME}`, `--node-ip=${node}`]);
    await until(() => expectNodeReady(client, NODE_NAME), START_WITHIN_MS);
  }

  /** Without the marker: the program ends with the first process of the node, and the one that entered the node for it reaps it. */
  private start(name: string, command: readonly string[]): void {
    this.context.programs.start(name, ['env', `--unset=${CLUSTER_MARKER}`, ...commandOnNode(this, command)]);
  }
}

function nodeFolder({ folder }: NodeContext): string {
  return join(folder, 'node');
}
