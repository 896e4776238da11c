import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiServer } from '../../local/api/server';
import { fixedConnection, type KubeConnection } from '../../operator/kube/connection';
import type { PodExec } from '../../operator/kube/pod-exec';
import { Manager } from '../../operator/manager';
import { type Clock, systemClock } from '../../src/program/clock';
import { loadSettings } from '../../src/program/load-settings';
import { createLogger } from '../../src/program/log';
import type { SigningKeys } from '../../src/program/signing-keys';
import type { BatchSandbox, BatchSandboxSpec } from '../../src/schema/batch-sandbox';
import { allCrds } from '../../src/schema/crds';
import type { Pod } from '../../src/schema/kubernetes';
import { API_VERSION } from '../../src/schema/names';
import { operatorSettings } from '../../src/schema/operator-settings';
import type { Pool, PoolSpec } from '../../src/schema/pool';
import { ApiClient } from './api-client';
import { handMadeTemplate } from './hand-made-pods';
import type { KubeEvent } from './space';

const NAMESPACE = '/apis/sandbox.opensandbox.io/v1alpha1/namespaces/default';
const PODS = '/api/v1/namespaces/default/pods';
const NODES = '/api/v1/nodes';
const MERGE = 'application/merge-patch+json';

/** The operator on an embedded API server without nodes, all in this process, so that a test can stand between the two. */
export interface OperatorInProcess {
  readonly manager: Manager;
  /** The API server, for another of its clients. */
  readonly connection: KubeConnection;
  createPool(name: string, spec?: Partial<PoolSpec>): Promise<void>;
  createBatch(name: string, spec: BatchSandboxSpec): Promise<void>;
  createPod(pod: Pod): Promise<void>;
  /** Makes a node without a machine. */
  createNode(name: string, labels: Readonly<Record<string, string>>): Promise<void>;
  patch(path: string, body: object): Promise<void>;
  delete(path: string): Promise<void>;
  pool(name: string): Promise<Pool>;
  batch(name: string): Promise<BatchSandbox>;
  batches(): Promise<BatchSandbox[]>;
  pods(): Promise<Pod[]>;
  /** The pod of a path, in whatever namespace. */
  podAt(path: string): Promise<Pod>;
  events(): Promise<KubeEvent[]>;
  /** Marks every pod without an address as Running and Ready. */
  makeReady(): Promise<void>;
  stop(): Promise<void>;
}

/** Path of a Pool, BatchSandbox or Pod of the operator's only namespace. */
export const pathOf = (plural: 'pools' | 'batchsandboxes' | 'pods', name: string): string => (plural === 'pods' ? `${PODS}/${name}` : `${NAMESPACE}/${plural}/${name}`);

/** How to start the operator. */
export interface OperatorInProcessOptions {
  readonly acting?: boolean;
  readonly now?: () => Date;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly exec?: PodExec;
  readonly clock?: Clock;
  readonly signingKeys?: SigningKeys;
}

/**
 * Starts both.
 *
 * @param acting false for an operator that has filled its caches and does not lead
 * @param now time of day of the API server
 * @param flags of the operator
 * @param env environment of the operator
 * @param exec runs commands in containers; the API server has no nodes to run them
 * @param clock time of the operator
 * @param signingKeys keys of the operator
 */
export async function startOperator({ acting = true, now = () => new Date(), flags = [], env = {}, exec, clock = systemClock, signingKeys }: OperatorInProcessOptions = {}): Promise<OperatorInProcess> {
  const server = await createApiServer({ clock: { ...systemClock, now } });
  const folder = mkdtempSync(join(tmpdir(), 'operator-'));
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, server.kubeconfig());
  const client = new ApiClient(kubeconfig);
  const send = async <T>(method: string, path: string, body?: object, contentType?: string): Promise<T> => {
    const answer = await client.request<T>(method, path, body, contentType);
    if (answer.status > 299) throw new Error(`${method} ${path}: expected success, got ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  for (const crd of allCrds()) await send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
  const loaded = loadSettings(operatorSettings, flags, env);
  if (!loaded.ok) throw new Error(loaded.problems.join('; '));
  const connection = fixedConnection(server.url, server.token, { ca: server.ca });
  const manager = new Manager({
    connection,
    settings: loaded.settings,
    clock,
    log: createLogger('test', 'info', { write: () => undefined }),
    random: Math.random,
    exec,
    signingKeys,
  });
  const watching = new AbortController();
  await manager.watch(watching.signal);
  if (acting) await manager.act(watching.signal);
  const pods = async () => (await send<{ items: Pod[] }>('GET', PODS)).items;
  return {
    manager,
    connection,
    createPool: async (name, spec = {}) => {
      const capacitySpec = { bufferMin: 1, bufferMax: 1, poolMin: 1, poolMax: 10 };
      const scaleStrategy = { maxUnavailable: '100%' };
      await send('POST', `${NAMESPACE}/pools`, { apiVersion: API_VERSION, kind: 'Pool', metadata: { name }, spec: { template: handMadeTemplate(), capacitySpec, scaleStrategy, ...spec } });
    },
    createBatch: async (name, spec) => {
      await send('POST', `${NAMESPACE}/batchsandboxes`, { apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name }, spec });
    },
    createPod: async (pod) => {
      const { namespace = 'default' } = pod.metadata;
      await send('POST', `/api/v1/namespaces/${namespace}/pods`, { apiVersion: 'v1', kind: 'Pod', ...pod });
    },
    createNode: async (name, labels) => {
      await send('POST', NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
    },
    patch: (path, body) => send('PATCH', path, body, MERGE),
    delete: (path) => send('DELETE', path),
    pool: (name) => send('GET', pathOf('pools', name)),
    batch: (name) => send('GET', pathOf('batchsandboxes', name)),
    batches: async () => (await send<{ items: BatchSandbox[] }>('GET', `${NAMESPACE}/batchsandboxes`)).items,
    pods,
    podAt: (path) => send('GET', path),
    events: async () => (await send<{ items: KubeEvent[] }>('GET', '/api/v1/namespaces/default/events')).items,
    makeReady: async () => {
      for (const { metadata, status } of await pods()) {
        const lastTransitionTime = `${new Date().toISOString().slice(0, 19)}Z`;
        const ready = { phase: 'Running', podIP: '198.18.0.1', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }] };
        if (status?.podIP === undefined) await send('PATCH', `${pathOf('pods', metadata.name)}/status`, { status: ready }, MERGE);
      }
    },
    stop: async () => {
      watching.abort();
      await manager.stop();
      await client.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
