import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { findMarked, sendSignal } from '../../local/nodes/marked-processes';
import type { KubeObject } from '../../src/schema/kubernetes';
import { LEASE_NAME, Port } from '../../src/schema/names';
import { auditOf } from '../cluster/audit';
import { withClient } from '../cluster/control-plane';
import type { NodeNetwork } from '../cluster/node/network';
import type { NodeEntry } from '../cluster/node/run-on-node';
import { TestImage } from '../images/test-images';
import { ApiClient } from '../support/api-client';
import { OPERATOR_NAMESPACE, OPERATOR_USER, SERVER_USER } from '../support/operator-identity';
import { renderPodTemplate } from '../support/pod-template';
import { type KubectlAccess, runKubectl } from '../support/run-kubectl';
import { SPACE_PREFIX } from '../support/space';
import type { Target, WriteCounts } from '../support/target';
import { until } from '../support/waiting';

/** Environment variable with the path of the file by which tests find the cluster that the set-up of their run starts. */
export const CLUSTER_VARIABLE = 'KUBERNETES_UNDER_TEST';
/** Longest start that a file of tests waits for, in ms, before patience is counted in. */
const STARTED_WITHIN_MS = 25_000;

/** What tests know of the cluster. */
export interface SharedCluster extends KubectlAccess {
  /** Image of the executor. */
  readonly executorImage: string;
  /** Its node, and the address at which pods reach the machine. */
  readonly node: NodeEntry & { readonly network: Pick<NodeNetwork, 'host'> };
}

/** A lease of a dead leader ends after 15 s; the rest is for a busy machine. */
const TAKE_OVER_MS = 60_000;
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${OPERATOR_NAMESPACE}/leases/${LEASE_NAME}`;
/** A namespace goes some 10 s after its last pod; the rest is for a busy machine. */
const SPACES_GONE_MS = 120_000;
/** Requests for new objects in a namespace that is being deleted: the operator has up to 32 creates of a batch under way at once, and learns from the first answer. */
const MOST_TOO_LATE = 64;
/** Label that pods of the operator have. */
const OPERATOR_PODS = 'control-plane=controller-manager';
/** Verbs of the audit log that change something. */
const WRITES: readonly string[] = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/** What is read of the Lease of the operator. */
interface LeaseSpec {
  readonly holderIdentity?: string;
  /** RFC 3339. */
  readonly acquireTime?: string;
}

/** Why a cluster did not start. */
interface Failure {
  readonly problem: string;
}

/** Tells tests of the cluster, or why there is none. */
export function publishCluster(path: string, cluster: SharedCluster | Failure): void {
  writeFileSync(`${path}.new`, JSON.stringify(cluster));
  renameSync(`${path}.new`, path);
}

/**
 * The real cluster of this run, which all files of tests share; resolves when it has started.
 *
 * @throws Error when it could not start
 */
export async function sharedCluster(): Promise<SharedCluster> {
  const text = await until(() => readFileSync(process.env[CLUSTER_VARIABLE] ?? '', 'utf8'), STARTED_WITHIN_MS);
  const cluster = JSON.parse(text) as SharedCluster | Failure;
  if ('problem' in cluster) throw new Error(`real Kubernetes: expected it to start, got ${cluster.problem}`);
  return cluster;
}

/** A real cluster that runs the operator, as a target; the target's end is not the cluster's. */
export function targetOf(shared: SharedCluster): Target {
  const { kubeconfigPath, executorImage } = shared;
  const client = new ApiClient(kubeconfigPath);
  return {
    kubeconfigPath,
    operatorNamespace: OPERATOR_NAMESPACE,
    request: (...args) => client.request(...args),
    watch: (...args) => client.watch(...args),
    kubectl: (args, input) => runKubectl(shared, args, input),
    executorUrl: (ip) => `http://${ip}:${Port.executor}`,
    podTemplate: (options) => renderPodTemplate({ main: TestImage.main, executor: executorImage }, options),
    imageFor: (name) => (name.includes('executor') ? executorImage : TestImage.main),
    writes: () => countWrites(shared),
    operatorLog: () => until(() => readOperatorLog(shared)),
    tookOverAt: async () => Date.parse((await leaseOf(client)).acquireTime ?? ''),
    killOperator: () => killLeader(client),
    stop: () => client.close(),
  };
}

/** Waits until no namespace of a test is left. @throws Error that names those that stay */
export async function expectSpacesGone({ kubeconfigPath }: Pick<SharedCluster, 'kubeconfigPath'>): Promise<void> {
  await withClient(kubeconfigPath, (client) =>
    until(async () => {
      const { body } = await client.request<{ readonly items: readonly KubeObject[] }>('GET', '/api/v1/namespaces');
      const left = body.items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(SPACE_PREFIX));
      if (left.length > 0) throw new Error(`namespaces: expected none of a test after their deletion, got ${left.join(', ')}`);
    }, SPACES_GONE_MS),
  );
}

/**
 * @throws Error when the API server has forbidden the operator or the lifecycle server anything, or knows nothing of the former, or was asked by it again and again
 *   to make something in a deleted namespace
 */
export async function expectRights(cluster: Pick<SharedCluster, 'folder'>): Promise<void> {
  const all = await auditOf(cluster);
  const requests = all.filter(({ user }) => user === OPERATOR_USER);
  const refused = all.filter(({ user, isForbidden }) => isForbidden && [OPERATOR_USER, SERVER_USER].includes(user));
  if (requests.length === 0 || refused.length > 0) {
    throw new Error(`operator and server: expected requests and none refused, got ${requests.length} requests of the operator and refused: ${JSON.stringify(refused)}`);
  }
  const tooLate = new Map<string, number>();
  for (const { namespace, isTooLate } of requests) if (isTooLate) tooLate.set(namespace, (tooLate.get(namespace) ?? 0) + 1);
  const [namespace, count] = [...tooLate].find(([, refusals]) => refusals > MOST_TOO_LATE) ?? [];
  if (namespace !== undefined) throw new Error(`operator: expected it to leave the deleted namespace '${namespace}' alone, got ${count} pods and events that it tried to make there`);
}

async function countWrites(cluster: SharedCluster): Promise<WriteCounts> {
  const byObject: Record<string, number> = {};
  for (const { verb, resource, subresource, namespace, name, code } of await auditOf(cluster)) {
    if (!WRITES.includes(verb) || code >= 300) continue;
    const key = `${verb} ${resource}${subresource === '' ? '' : `/${subresource}`} ${namespace}/${name}`;
    byObject[key] = (byObject[key] ?? 0) + 1;
  }
  return { byObject };
}

/** Kills the process that holds the lease, and its pod with it, so that it does not come back; waits until another pod holds it. */
async function killLeader(client: ApiClient): Promise<void> {
  // There is none to kill while the lease names one that another test has killed or replaced.
  const killed = await until(async () => {
    const leader = await leadingPod(client);
    // The node is a part of this machine, and HOSTNAME is the name of the pod in all its containers.
    const processes = findMarked('HOSTNAME', (pod) => pod === leader);
    if (processes.length === 0) throw new Error(`pod '${leader}': expected a process of the operator, got none`);
    for (const found of processes) sendSignal(found, 'SIGKILL');
    return leader;
  }, TAKE_OVER_MS);
  await client.request('DELETE', `/api/v1/namespaces/${OPERATOR_NAMESPACE}/pods/${killed}?gracePeriodSeconds=0`);
  await until(async () => {
    if ((await leadingPod(client)) === killed) throw new Error(`lease: expected another holder than '${killed}', got the same`);
  }, TAKE_OVER_MS);
}

/** The pod of the operator that acts. */
async function leadingPod(client: ApiClient): Promise<string> {
  const [pod = ''] = (await leaseOf(client)).holderIdentity?.split('_') ?? []; // <pod>_<random>
  if (pod === '') throw new Error('lease: expected a holder, got none');
  return pod;
}

async function leaseOf(client: ApiClient): Promise<LeaseSpec> {
  return (await client.request<{ readonly spec?: LeaseSpec }>('GET', LEASE)).body.spec ?? {};
}

/** @throws Error when a pod has no log yet, as one that replaces a killed one */
async function readOperatorLog(cluster: KubectlAccess): Promise<string> {
  const { exitCode, stdout, stderr } = await runKubectl(cluster, ['logs', `--namespace=${OPERATOR_NAMESPACE}`, `--selector=${OPERATOR_PODS}`, '--tail=-1']);
  if (exitCode !== 0) throw new Error(`kubectl logs: expected exit code 0, got ${exitCode}: ${stderr}`);
  return stdout;
}
