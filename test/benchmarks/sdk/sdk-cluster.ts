import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionConfig } from '@alibaba-group/opensandbox';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { Pod, PodTemplateSpec } from '../../../src/schema/kubernetes';
import { API_VERSION } from '../../../src/schema/names';
import type { Pool } from '../../../src/schema/pool';
import { ApiClient } from '../../support/api-client';
import { renderPodTemplate } from '../../support/pod-template';
import { fixedPool } from '../../support/pool-spec';
import { startSandboxes } from '../../support/sandboxes';
import { Space } from '../../support/space';
import { until } from '../../support/waiting';
import { targetOf } from '../../targets/kubernetes-cluster';
import { startOperatorCluster } from '../../targets/operator-on-node';
import { startServerOnNode } from '../../targets/server-on-node';

/** Where sandboxes run: processes of this machine, or containers of a real node. */
export type ClusterKind = 'embedded' | 'node';

/** The pool that sandboxes come from. */
export const POOL = 'bench';
/** A cluster is up after so long, in ms, or never. */
const UP_WITHIN_MS = 60_000;
/** Longest time that a pool takes to fill, in ms. */
const FILLED_WITHIN_MS = 900_000;
/** Rest after the last pod is Ready, in ms: a pool that is warm has had it, and executors have made ready what a first command needs (5 s after their start, ADR 0022). */
const SETTLE_MS = 7_000;

/** What differs between the kinds of clusters. */
interface Place {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly template: PodTemplateSpec;
  readonly domain: string;
  readonly apiKey: string;
  readonly stop: () => Promise<void>;
}

/** A cluster with the lifecycle server and one pool, whose pods are never used twice: what comes back is deleted. */
export class SdkCluster {
  private isMade = false;

  private constructor(
    readonly kind: ClusterKind,
    private readonly place: Place,
  ) {}

  /** Starts one. @throws Error when a part does not start; nothing is left then */
  static async start(kind: ClusterKind): Promise<SdkCluster> {
    return new SdkCluster(kind, await (kind === 'embedded' ? startEmbedded() : startNode()));
  }

  /** How the SDK reaches it. @param useServerProxy whether commands go through the server */
  connection(useServerProxy: boolean): ConnectionConfig {
    const { domain, apiKey } = this.place;
    return new ConnectionConfig({ domain, apiKey, useServerProxy });
  }

  /** Has exactly so many pods, all of them idle and never used, and nothing that starts or ends. */
  async have(size: number): Promise<void> {
    const { client, template } = this.place;
    const spec = fixedPool(size, template);
    if (this.isMade) await client.request('PATCH', this.path('pools', POOL), { spec }, 'application/merge-patch+json');
    else await client.request('POST', this.path('pools'), { apiVersion: API_VERSION, kind: 'Pool', metadata: { name: POOL }, spec });
    this.isMade = true;
    await until(async () => {
      const pool = (await client.request<Pool>('GET', this.path('pools', POOL))).body;
      const pods = (await client.request<{ readonly items: readonly Pod[] }>('GET', `/api/v1/namespaces/${this.place.namespace}/pods`)).body.items;
      if (pool.status?.available !== size || pods.length !== size) throw new Error(`pool: expected ${size} idle pods and no other, got ${pool.status?.available} and ${pods.length} in all`);
    }, FILLED_WITHIN_MS);
    await sleep(SETTLE_MS);
  }

  /** Ids of the sandboxes that there are in the cluster, whatever the server says. */
  async sandboxes(): Promise<readonly string[]> {
    const { body } = await this.place.client.request<{ readonly items: readonly BatchSandbox[] }>('GET', this.path('batchsandboxes'));
    return body.items.map(({ metadata }) => metadata.name);
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.place.client.close();
    await this.place.stop();
  }

  private path(plural: string, name?: string): string {
    return `/apis/${API_VERSION}/namespaces/${this.place.namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
  }
}

async function startEmbedded(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'sandboxes-bench-'));
  const kubeconfigPath = join(folder, 'kubeconfig');
  const program = startSandboxes(['up', '--server', '--json', '--kubeconfig', kubeconfigPath]);
  const stop = async () => {
    program.child.kill('SIGTERM');
    await program.ended;
    await rm(folder, { recursive: true });
  };
  try {
    const { lifecycle } = await until(() => JSON.parse(program.stdout()) as { readonly lifecycle: { readonly domain: string; readonly apiKey: string } }, UP_WITHIN_MS);
    const template = renderPodTemplate({ main: 'busybox:1.36', executor: 'task-executor' }, { executor: true });
    return { client: new ApiClient(kubeconfigPath), namespace: 'default', template, ...lifecycle, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(): Promise<Place> {
  const cluster = await startOperatorCluster();
  try {
    const target = targetOf(cluster);
    const { namespace } = await Space.create(target);
    await target.stop();
    const { domain, apiKey } = await startServerOnNode(cluster, { namespace });
    return { client: new ApiClient(cluster.kubeconfigPath), namespace, template: target.podTemplate({ executor: true }), domain, apiKey, stop: () => cluster.stop() };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
