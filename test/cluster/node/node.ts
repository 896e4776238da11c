import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../../local/programs';
import type { ApiClient } from '../../support/api-client';
import type { ClusterPrograms } from '../../support/cluster-programs';
import { expectNodeReady } from '../../support/simulated-nodes';
import { until } from '../../support/waiting';
import { PAUSE_IMAGE, renderCniConfig, renderContainerdConfig } from './containerd';
import { packImage } from './image-archive';
import { renderKubeletConfig } from './kubelet';
import { chooseNetwork, linkName, linkNode, type NodeNetwork } from './network';
import { runOk, SYSTEM_PATH } from './run-ok';

/** Debian packages of a node: container runtime, network plugins, and the first process of the node and of its pods. */
export const NODE_PACKAGES = ['catatonit', 'containerd', 'containernetworking-plugins', 'iproute2', 'runc', 'util-linux'];

/** Name of the node. */
const NODE_NAME = 'node-0';
/** Longest start of the namespaces, of containerd, and then of the kubelet, in ms; all takes 3 s on an idle machine. */
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
 */
export class RealNode {
  readonly name = NODE_NAME;

  private constructor(
    private readonly context: NodeContext,
    readonly network: NodeNetwork,
    /** First process of the node, as the machine counts. */
    readonly pid: number,
  ) {}

  /** Makes the namespaces and joins them to the machine. */
  static async create(context: NodeContext): Promise<RealNode> {
    const { id, folder, programs } = context;
    const network = await chooseNetwork();
    const link = linkName(id);
    const nodeFolder = join(folder, 'node');
    await mkdir(nodeFolder);
    programs.start('node', ['env', '-i', `PATH=${SYSTEM_PATH}`, 'sh', script('namespaces.sh'), id, link, nodeFolder]);
    const pid = Number(await until(() => readFile(join(nodeFolder, 'pid'), 'utf8'), START_WITHIN_MS));
    await linkNode(link, pid, network);
    return new RealNode(context, network, pid);
  }

  /** Starts containerd and loads images, from archives that exist. */
  async startContainerd(archives: readonly string[]): Promise<void> {
    const { folder } = this.context;
    const cniFolder = join(folder, 'node', 'cni');
    const configPath = join(folder, 'node', 'containerd.toml');
    await mkdir(cniFolder);
    await writeFile(join(cniFolder, 'pods.conflist'), renderCniConfig(this.network.pods));
    await writeFile(configPath, renderContainerdConfig(cniFolder));
    this.start('containerd', ['containerd', `--config=${configPath}`]);
    const pause = await packImage(join(folder, 'node', 'pause'), { name: PAUSE_IMAGE, files: { '/pause': '/usr/bin/catatonit' }, entrypoint: ['/pause', '-P'] });
    await until(() => this.run(['ctr', 'version']), START_WITHIN_MS);
    await this.loadImages([pause, ...archives]);
  }

  /** Starts the kubelet and waits until the node is Ready; the API server has to be there. */
  async startKubelet(program: string, client: ApiClient): Promise<void> {
    const { folder } = this.context;
    const configPath = join(folder, 'node', 'kubelet.json');
    const { host, node } = this.network;
    await writeFile(configPath, renderKubeletConfig({ address: node, nameServer: host, certificatePath: join(folder, 'server.crt'), keyPath: join(folder, 'server.key') }));
    this.start('kubelet', [program, 'kubelet', `--config=${configPath}`, `--kubeconfig=${join(folder, 'kubelet.kubeconfig')}`, `--hostname-override=${NODE_NAME}`, `--node-ip=${node}`]);
    await until(() => expectNodeReady(client, NODE_NAME), START_WITHIN_MS);
  }

  /** Loads images from archives, as `docker save` or buildah write them. */
  async loadImages(archives: readonly string[]): Promise<void> {
    // One by one: two imports of parts with the same name wait for each other anyway.
    for (const archive of archives) await this.run(['ctr', '--namespace=k8s.io', 'images', 'import', archive]);
  }

  /** Runs a program in the namespaces of the node and returns its output. @throws Error when its exit code is not 0 */
  run(command: readonly string[]): Promise<string> {
    const [shell = '', ...args] = this.enter(command);
    return runOk(shell, args);
  }

  private start(name: string, command: readonly string[]): void {
    this.context.programs.start(name, this.enter(command));
  }

  private enter(command: readonly string[]): readonly string[] {
    return ['sh', script('enter.sh'), this.context.id, String(this.pid), ...command];
  }
}

function script(name: string): string {
  return join(packageRoot(), 'test', 'cluster', 'node', name);
}
