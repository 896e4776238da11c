import { type Chart, Yaml } from 'cdk8s';
import { buildImages } from '../../images/program-images';
import { type ControllerOptions, SandboxRuntime, type ServerOptions } from '../../src';
import { type NodeCluster, startNodeCluster } from '../cluster/real-cluster';
import { OPERATOR_NAME, OPERATOR_NAMESPACE } from '../support/operator-identity';
import { type KubectlAccess, runKubectl } from '../support/run-kubectl';
import { type Manifest, objectsOf } from '../support/synth';
import type { SharedCluster } from './kubernetes-cluster';

/** A cluster whose node runs the operator. */
export interface OperatorCluster extends NodeCluster, Pick<SharedCluster, 'executorImage'> {}

/** Starts real Kubernetes with a node, and has it run the operator from what SandboxRuntime renders. */
export async function startOperatorCluster(): Promise<OperatorCluster> {
  const images = await buildImages();
  const executorImage = images.find(({ name }) => name.includes('/sandbox-executor:'))?.name ?? '';
  const cluster = { ...(await startNodeCluster({ images: images.map(({ archive }) => archive) })), executorImage };
  try {
    await installRuntime(cluster, renderRuntime());
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** What SandboxRuntime renders for an operator of all namespaces. */
export function renderRuntime(controller?: ControllerOptions): string {
  return Yaml.stringify(...runtimeObjects({ controller }));
}

/** The objects of {@link renderRuntime}; and those of a lifecycle server, where one is asked for. */
export function runtimeObjects({ controller, server }: { readonly controller?: ControllerOptions; readonly server?: (chart: Chart) => ServerOptions } = {}): readonly Manifest[] {
  const build = (chart: Chart) => new SandboxRuntime(chart, 'runtime', { createNamespace: true, clusterWide: true, controller, server: server?.(chart) });
  return objectsOf(build, { namespace: OPERATOR_NAMESPACE });
}

/** Applies a manifest with kubectl, and waits until the operator runs as it says. */
export async function installRuntime(cluster: KubectlAccess, manifest: string): Promise<void> {
  await installDeployment(cluster, manifest, OPERATOR_NAME);
}

/** The same for a Deployment beside the operator. */
export async function installDeployment(cluster: KubectlAccess, manifest: string, name: string): Promise<void> {
  await kubectl(cluster, ['apply', '--filename=-'], manifest);
  await kubectl(cluster, ['rollout', 'status', '--timeout=55s', `--namespace=${OPERATOR_NAMESPACE}`, `deployment/${name}`]);
}

/** Runs kubectl and returns its output. @throws Error when its exit code is not 0 */
export async function kubectl(cluster: KubectlAccess, args: readonly string[], input?: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runKubectl(cluster, args, input);
  if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: expected exit code 0, got ${exitCode}: ${stderr}`);
  return stdout;
}
