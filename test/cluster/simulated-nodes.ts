import type { ApiClient } from '../support/api-client';
import { expectNodeReady } from '../support/expect-node-ready';
import { inParallel, until } from '../support/waiting';

/** What a simulated node has room for: more than any test asks of it. */
const CAPACITY = { cpu: '1000', memory: '1Ti', pods: '10000' };
const READY_WITHIN_MS = 30_000;

/**
 * Flags of kwok: it looks after all nodes and gives their pods addresses of 127.250.0.0/16, or of a part of it, on which nothing listens.
 * Without leases, nodes would count as lost after 50 s.
 */
export function kwokFlags(kubeconfigPath: string, podAddresses = '127.250.0.1/16'): string[] {
  return [`--kubeconfig=${kubeconfigPath}`, '--manage-all-nodes=true', `--cidr=${podAddresses}`, '--node-lease-duration-seconds=40'];
}

/** Creates nodes for a running kwok and waits until they are Ready. */
export async function addSimulatedNodes(client: ApiClient, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `simulated-${index}`);
  await inParallel(names, 16, async (name) => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name }, status: { capacity: CAPACITY, allocatable: CAPACITY } };
    const { status, body } = await client.request('POST', '/api/v1/nodes', node);
    if (status !== 201) throw new Error(`node '${name}': expected status 201, got ${status}: ${JSON.stringify(body)}`);
  });
  await inParallel(names, 16, (name) => until(() => expectNodeReady(client, name), READY_WITHIN_MS));
}
