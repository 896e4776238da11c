import { randomInt } from 'node:crypto';
import { allCrds } from '../../src/schema/crds';
import { SIGNING_SECRET } from '../../src/schema/names';
import { Random } from '../faults/random';
import type { RealCluster } from '../faults/real/real-world';
import { SimulatedMachines } from '../faults/real/simulated-machines';
import { ApiClient } from '../support/api-client';
import { until } from '../support/waiting';
import { type ControlPlane, startControlPlane } from './real-cluster';

/** Longest time until the API server answers again after it was killed, in ms. */
const UP_WITHIN_MS = 60_000;
const OPERATOR_NAMESPACE = 'default';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** The real control plane for histories of faults: kwok runs the pods, and simulated executors answer at their addresses. */
export async function startFaultCluster(): Promise<{ readonly cluster: Required<RealCluster>; readonly stop: ControlPlane['stop'] }> {
  const plane = await startControlPlane({ simulatedNodes: 3, podAddresses: podAddresses() });
  const client = new ApiClient(plane.kubeconfigPath);
  const stop = async () => {
    await client.close();
    await plane.stop();
  };
  try {
    for (const crd of allCrds()) await client.request('POST', CRDS, crd);
    // Empty: the operator puts its key there.
    await client.request('POST', `/api/v1/namespaces/${OPERATOR_NAMESPACE}/secrets`, { apiVersion: 'v1', kind: 'Secret', metadata: { name: SIGNING_SECRET } });
    for (const { spec } of allCrds()) await until(() => expectServed(client, `/apis/${spec.group}/v1alpha1/${spec.names.plural}`));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    cluster: {
      folder: plane.folder,
      kubeconfigPath: plane.kubeconfigPath,
      limits: { size: 1, canRestart: false },
      operatorNamespace: OPERATOR_NAMESPACE,
      operatorFlags: ['--task-stop-timeout=8s', `--executor-signing-secret=${SIGNING_SECRET}`],
      startMachines: (direct, onTask) => Promise.resolve(new SimulatedMachines(direct, new Random(String(Math.random())), onTask)),
      restartApi: async () => {
        await plane.restartServers();
        await until(() => expectServed(client, '/readyz'), UP_WITHIN_MS);
      },
    },
    stop,
  };
}

/** A part of its own of the addresses of simulated pods, above those that a cluster takes whose pods nobody answers for. */
function podAddresses(): string {
  return `127.250.${128 + 8 * randomInt(16)}.1/21`;
}

async function expectServed(client: ApiClient, path: string): Promise<void> {
  const { status } = await client.request('GET', path);
  if (status !== 200) throw new Error(`${path}: expected status 200, got ${status}`);
}
