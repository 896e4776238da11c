import { auditOf } from '../cluster/audit';
import { OPERATOR_USER } from '../support/kubernetes-cluster';

/**
 * After all files of tests on real Kubernetes: ends it.
 *
 * @throws Error when the API server has refused the operator anything: its rights are too few then
 */
export default async function stop(): Promise<void> {
  const cluster = globalThis.kubernetesUnderTest;
  if (cluster === undefined) return;
  const requests = (await auditOf(cluster)).filter(({ user }) => user === OPERATOR_USER);
  await cluster.stop();
  if (requests.length === 0) throw new Error('operator: expected requests in the audit log, got none');
  const refused = requests.filter(({ code }) => code === 403);
  if (refused.length > 0) throw new Error(`operator: expected no request to be refused, got ${JSON.stringify(refused)}`);
}
