import { Yaml } from 'cdk8s';
import { buildImages } from '../../images/program-images';
import { type ControllerOptions, SandboxRuntime } from '../../src';
import { type NodeCluster, startNodeCluster } from '../cluster/real-cluster';
import { OPERATOR_NAME, OPERATOR_NAMESPACE } from '../support/operator-identity';
import { type KubectlAccess, runKubectl } from '../support/run-kubectl';
import { objectsOf } from '../support/synth';
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
  const objects = objectsOf((chart) => new SandboxRuntime(chart, 'runtime', { createNamespace: true, clusterWide: true, controller }), { namespace: OPERATOR_NAMESPACE });
  return Yaml.stringify(...objects);
}

/** Applies a manifest with kubectl, and waits until the operator runs as it says. */
export async function installRuntime(cluster: KubectlAccess, manifest: string): Promise<void> {
  await kubectl(cluster, ['apply', '--filename=-'], manifest);
  await kubectl(cluster, ['rollout', 'status', '--timeout=55s', `--namespace=${OPERATOR_NAMESPACE}`, `deployment/${OPERATOR_NAME}`]);
}

async function kubectl(cluster: KubectlAccess, args: readonly string[], input?: string): Promise<void> {
  const { exitCode, stderr } = await runKubectl(cluster, args, input);
  if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: expected exit code 0, got ${exitCode}: ${stderr}`);
}
