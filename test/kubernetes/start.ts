import { Yaml } from 'cdk8s';
import { buildImages } from '../../images/program-images';
import { SandboxRuntime } from '../../src';
import { CLUSTER_VARIABLE, OPERATOR_NAMESPACE, type SharedCluster } from '../support/kubernetes-cluster';
import { type NodeCluster, startNodeCluster } from '../support/real-cluster';
import { runProgram } from '../support/run-program';
import { objectsOf } from '../support/synth';

declare global {
  /** The cluster of this run, for the other end of it. */
  var kubernetesUnderTest: NodeCluster | undefined;
}

/** Before all files of tests on real Kubernetes: starts it with a node, and has it run the operator from what SandboxRuntime renders. */
export default async function start(): Promise<void> {
  const images = await buildImages();
  const cluster = await startNodeCluster({ images: images.map(({ archive }) => archive) });
  globalThis.kubernetesUnderTest = cluster;
  const manifest = Yaml.stringify(...objectsOf((chart) => new SandboxRuntime(chart, 'runtime', { createNamespace: true, clusterWide: true }), { namespace: OPERATOR_NAMESPACE }));
  try {
    await kubectl(cluster, ['apply', '--filename=-'], manifest);
    await kubectl(cluster, ['rollout', 'status', '--timeout=120s', `--namespace=${OPERATOR_NAMESPACE}`, 'deployment/opensandbox-controller-manager']);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  const { kubeconfigPath, folder, program } = cluster;
  const executorImage = images.find(({ name }) => name.includes('sandbox-executor'))?.name ?? '';
  process.env[CLUSTER_VARIABLE] = JSON.stringify({ kubeconfigPath, folder, program, executorImage } satisfies SharedCluster);
}

async function kubectl({ program, kubeconfigPath, folder }: NodeCluster, args: readonly string[], input?: string): Promise<void> {
  const { exitCode, stderr } = await runProgram(program, ['kubectl', ...args], { PATH: process.env.PATH, KUBECONFIG: kubeconfigPath, HOME: folder }, input);
  if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: expected exit code 0, got ${exitCode}: ${stderr}`);
}
