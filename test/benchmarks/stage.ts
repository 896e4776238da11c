import { readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { renderKubeconfig } from '../../local/api/kubeconfig';
import { CLUSTER_MARKER, findMarked } from '../../local/nodes/marked-processes';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { readSigningKeys, type SigningKeys } from '../../src/program/signing-keys';
import { allCrds } from '../../src/schema/crds';
import { type ControlPlane, startControlPlane } from '../cluster/real-cluster';
import { ApiClient } from '../support/api-client';
import { Space } from '../support/space';
import { until } from '../support/waiting';
import { BareClient } from './bare-client';
import { watchBatches } from './batch-watch';
import { Controller } from './controller';
import { HandMadePods } from './hand-made-pods';
import type { ObjectWatch } from './object-watch';
import { WarmPool } from './warm-pool';

/** Few, since each costs a lease; each has room for 10,000 pods. */
const SIMULATED_NODES = 3;
/** Life of a token, in seconds. */
const TOKEN_SECONDS = 86_400;

/** Users of a stage, which the audit log tells apart. */
export type Party = 'controller' | 'client' | 'loop';

/** Processes of a stage, by pid, beside the controller. */
export interface StageProcesses {
  /** API server and etcd. */
  readonly server: readonly number[];
  /** Scheduler, controller manager, simulated nodes. */
  readonly rest: readonly number[];
}

export interface StageOptions {
  /** Command of another controller than ours. @default - our operator */
  readonly command?: string;
  /** Further flags of our operator. @default - none */
  readonly flags?: readonly string[];
}

/**
 * A control plane of its own with a controller, those who have it work, and a second namespace that the controller does not look at: there a bare
 * loop does the same writes by hand.
 */
export class Stage {
  private handMade: Promise<HandMadePods> | undefined;

  private constructor(
    readonly cluster: ControlPlane,
    /** For what is not measured. */
    readonly api: ApiClient,
    /** Asks for work, in the name of a user. */
    readonly client: BareClient,
    /** Does the work by hand. */
    readonly loop: BareClient,
    readonly controller: Controller,
    /** What the controller looks after. */
    readonly space: Space,
    /** What only the loop looks after. */
    readonly loopSpace: Space,
    readonly watch: ObjectWatch<BatchSandbox>,
    readonly loopWatch: ObjectWatch<BatchSandbox>,
    /** Pods that come back to their pool as they are. */
    readonly warm: WarmPool,
    readonly processes: StageProcesses,
    /** What our operator signs requests to executors with. */
    readonly signingKeys: SigningKeys,
    private readonly closers: readonly (() => Promise<void>)[],
  ) {}

  /** Starts it. @throws Error when a part does not start; nothing is left then */
  static async start({ command, flags = [] }: StageOptions = {}): Promise<Stage> {
    const cluster = await startControlPlane({ simulatedNodes: SIMULATED_NODES });
    const closers: (() => Promise<void>)[] = [() => cluster.stop()];
    try {
      const api = new ApiClient(cluster.kubeconfigPath);
      closers.unshift(() => api.close());
      for (const crd of allCrds()) await api.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
      for (const { spec } of allCrds()) await until(() => expectServed(api, `/apis/${spec.group}/v1alpha1/${spec.names.plural}`));
      const target = { request: api.request.bind(api), kubectl: () => Promise.reject(new Error('kubectl: expected no use of it')), podTemplate: () => ({ spec: { containers: [] } }) };
      const [space, loopSpace] = [await Space.create(target), await Space.create(target)];
      const ca = await readFile(join(cluster.folder, 'server.crt'), 'utf8');
      const access = async (party: Party) => ({ url: cluster.url, ca, token: await createUser(api, party) });
      const client = new BareClient(await access('client'));
      const loop = new BareClient(await access('loop'));
      closers.unshift(() => client.close(), () => loop.close());
      const kubeconfigPath = join(cluster.folder, 'controller.kubeconfig');
      await writeFile(kubeconfigPath, renderKubeconfig(await access('controller')), { mode: 0o600 });
      const signingKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      const signingKeyPath = join(cluster.folder, 'signing-key.pem');
      await writeFile(signingKeyPath, signingKey, { mode: 0o600 });
      const place = { folder: cluster.folder, kubeconfigPath, namespace: space.namespace };
      const controller = command === undefined ? await Controller.startOperator(place, [`--executor-signing-key-file=${signingKeyPath}`, ...flags]) : Controller.startOther(place, command);
      closers.unshift(() => controller.stop());
      const [watch, loopWatch] = [await watchBatches(client, space.path('BatchSandbox')), await watchBatches(client, loopSpace.path('BatchSandbox'))];
      return new Stage(cluster, api, client, loop, controller, space, loopSpace, watch, loopWatch, new WarmPool(space), processesOf(cluster.folder, controller.pid), await readSigningKeys(signingKey, signingKeyPath), closers);
    } catch (error) {
      await closeAll(closers);
      throw error;
    }
  }

  /** Pods that the loop makes by hand, from the first call on. */
  handMadePods(): Promise<HandMadePods> {
    this.handMade ??= HandMadePods.open(this);
    return this.handMade;
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    await closeAll(this.closers);
  }
}

/** Name of a party in the audit log. */
export function userOf(party: Party): string {
  return `system:serviceaccount:default:${party}`;
}

/** A service account with all rights; its token. All parties are alike, so none is judged faster. */
async function createUser(api: ApiClient, party: Party): Promise<string> {
  const expectCreated = async (path: string, body: unknown) => {
    const answer = await api.request<{ readonly status?: { readonly token?: string } }>('POST', path, body);
    if (answer.status !== 201) throw new Error(`POST ${path}: expected status 201, got ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  await expectCreated(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: party } });
  await expectCreated('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `bench-${party}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: party, namespace: 'default' }],
  });
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: TOKEN_SECONDS } };
  return (await expectCreated(`${accounts}/${party}/token`, request)).status?.token ?? '';
}

async function expectServed(api: ApiClient, path: string): Promise<void> {
  const { status } = await api.request('GET', path);
  if (status !== 200) throw new Error(`${path}: expected status 200, got ${status}`);
}

function processesOf(folder: string, controllerPid: number): StageProcesses {
  const id = basename(folder);
  const pids = findMarked(CLUSTER_MARKER, (value) => value === id).map(({ pid }) => pid).filter((pid) => pid !== controllerPid);
  const isServer = (pid: number) => /\0(etcd|kube-apiserver)\0/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  return { server: pids.filter(isServer), rest: pids.filter((pid) => !isServer(pid)) };
}

/** Closes all, in order, whatever fails. @throws Error the first failure */
async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers) await close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
