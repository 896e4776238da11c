import { Yaml } from 'cdk8s';
import { buildImages } from '../../images/program-images';
import { type ControllerOptions, SandboxRuntime } from '../../src';
import { OPERATOR_NAMESPACE, type SharedCluster } from './kubernetes-cluster';
import { type NodeCluster, startNodeCluster } from '../cluster/real-cluster';
import { runProgram } from '../support/run-program';
import { objectsOf } from '../support/synth';

/** A cluster whose node runs the operator. */
export interface OperatorCluster extends NodeCluster, SharedCluster {}

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
export async function installRuntime(cluster: NodeCluster, manifest: string): Promise<void> {
  await kubectl(cluster, ['apply', '--filename=-'], manifest);
  await kubectl(cluster, ['rollout', 'status', '--timeout=55s', `--namespace=${OPERATOR_NAMESPACE}`, 'deployment/opensandbox-controller-manager']);
}

async function kubectl({ program, kubeconfigPath, folder }: NodeCluster, args: readonly string[], input?: string): Promise<void> {
  const { exitCode, stderr } = await runProgram(program, ['kubectl', ...args], { PATH: process.env.PATH, KUBECONFIG: kubeconfigPath, HOME: folder }, input);
  if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: expected exit code 0, got ${exitCode}: ${stderr}`);
}
