import { Port } from './schema/names';

/** Label of the namespaces that may read metrics. */
const METRICS_READERS = { metrics: 'enabled' } as const;

/**
 * The `spec` of the operator's NetworkPolicy: nobody reaches its pods, but for metrics those who may read them.
 *
 * Probes come from the node and pass every policy. What the operator itself calls is left open: a policy cannot name the API server, whose
 * addresses differ from cluster to cluster, and sandboxes may be in any namespace.
 *
 * @see https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export function renderNetworkPolicy(podLabels: Readonly<Record<string, string>>, metrics: boolean): object {
  const readMetrics = { from: [{ namespaceSelector: { matchLabels: METRICS_READERS } }], ports: [{ port: Port.operatorMetrics, protocol: 'TCP' }] };
  return { podSelector: { matchLabels: podLabels }, policyTypes: ['Ingress'], ingress: metrics ? [readMetrics] : [] };
}
