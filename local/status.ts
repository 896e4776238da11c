import { ApiError } from '../operator/kube/api-error';
import { BATCHES, POOLS } from '../operator/kube/resource-types';
import { systemClock as clock } from '../src/program/clock';
import type { BatchSandbox } from '../src/schema/batch-sandbox';
import type { Pool } from '../src/schema/pool';
import { chooseCluster } from './chosen-cluster';
import type { CommandContext } from './command';
import { toAge, toTable } from './table';

export interface StatusOptions {
  /** @default - KUBECONFIG, then ~/.kube/config */
  readonly kubeconfig?: string;
  /** @default - the namespace of the kubeconfig, or `default` */
  readonly namespace?: string;
  readonly allNamespaces: boolean;
  readonly output: 'table' | 'json';
}

/**
 * Prints the pools and batches of a cluster.
 *
 * @throws Error when no cluster answers; ApiError when one refuses, or has no such kinds
 */
export async function status(options: StatusOptions, context: CommandContext): Promise<void> {
  const { pools, batches } = await readCluster(options, context);
  if (options.output === 'json') context.print(JSON.stringify({ pools, batches }));
  else context.print(toStatusText(pools, batches, clock.now()));
}

async function readCluster({ kubeconfig, namespace: wanted, allNamespaces }: StatusOptions, context: CommandContext) {
  const { api, namespace: own } = await chooseCluster(kubeconfig, context).catch(refuseNoCluster);
  const namespace = allNamespaces ? undefined : (wanted ?? own);
  const [pools, batches] = await Promise.all([api.list(POOLS, { namespace }, context), api.list(BATCHES, { namespace }, context)]).catch((error: unknown) => {
    if (error instanceof ApiError) throw error;
    return refuseNoCluster(error);
  });
  return { pools: pools.items, batches: batches.items };
}

function refuseNoCluster(error: unknown): never {
  const why = error instanceof Error ? error.message : String(error);
  throw new Error(`status: expected a cluster that answers, got none: ${why}; is it running, and does KUBECONFIG or --kubeconfig name its file?`, { cause: error });
}

/** Pools and batches as two tables. */
export function toStatusText(pools: readonly Pool[], batches: readonly BatchSandbox[], now: Date): string {
  const count = (value: number | undefined) => (value === undefined ? '-' : String(value));
  const poolRows = [...pools].sort(byNamespaceAndName).map(({ metadata, status }) => [
    metadata.namespace ?? '',
    metadata.name,
    ...[status?.total, status?.allocated, status?.available, status?.updated].map(count),
    toAge(metadata.creationTimestamp, now),
  ]);
  const batchRows = [...batches].sort(byNamespaceAndName).map(({ metadata, spec, status }) => [
    metadata.namespace ?? '',
    metadata.name,
    spec.poolRef ?? '-',
    ...[spec.replicas, status?.allocated, status?.ready, status?.taskRunning, status?.taskSucceed, status?.taskFailed].map(count),
    status?.phase ?? '-',
    toAge(metadata.creationTimestamp, now),
  ]);
  return [
    toTable(['NAMESPACE', 'POOL', 'TOTAL', 'ALLOCATED', 'AVAILABLE', 'UPDATED', 'AGE'], poolRows),
    toTable(['NAMESPACE', 'BATCH', 'POOL', 'DESIRED', 'ALLOCATED', 'READY', 'RUNNING', 'SUCCEEDED', 'FAILED', 'PHASE', 'AGE'], batchRows),
  ].join('\n\n');
}

function byNamespaceAndName(a: Pool | BatchSandbox, b: Pool | BatchSandbox): number {
  const key = ({ metadata: { namespace = '', name } }: Pool | BatchSandbox) => `${namespace}/${name}`;
  return key(a) < key(b) ? -1 : 1;
}
