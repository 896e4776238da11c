import { isDnsSubdomain } from './kube-syntax';
import { type Problems } from './problems';
import { type ISandboxPool, SandboxPool } from './sandbox-pool';
import { ANY_POOL } from './schema/names';
import { isRecord } from './schema/validation';

/** Where the sandboxes of a fleet come from: props of BatchSandboxFleet. */
export interface FleetSource {
  readonly pool?: ISandboxPool;
  readonly template?: unknown;
  readonly executor?: unknown;
  readonly shardPatches?: unknown;
}

/** Checks that a fleet has a source, that nothing contradicts it, and that a pool can serve `replicas` sandboxes in `namespace`. */
export function checkSource(problems: Problems, { pool, template, executor, shardPatches }: FleetSource, replicas: number, namespace: string | undefined): void {
  if (pool === undefined) {
    if (template === undefined) {
      problems.add('pool', 'a pool or a template', undefined, 'set pool or template');
    }
    return;
  }
  const poolName = isRecord(pool) ? pool.poolName : undefined;
  const isAny = poolName === ANY_POOL;
  // Beside any pool the template says which ones suit.
  for (const [prop, value] of Object.entries({ template: isAny ? undefined : template, executor, shardPatches })) {
    if (value !== undefined) {
      problems.add(prop, 'nothing beside pool', value, 'the pool decides on its pods; set it there, or leave pool out');
    }
  }
  if (!isAny && !isDnsSubdomain(poolName)) {
    problems.add('pool', 'a SandboxPool, SandboxPool.fromPoolName(…) with the name of a pool, or SandboxPool.any()', isRecord(pool) ? poolName : pool);
  }
  const poolMax = pool instanceof SandboxPool ? pool._poolMax : undefined;
  if (poolMax !== undefined && replicas > poolMax) {
    problems.add('replicas', `at most poolMax of the pool (${poolMax})`, replicas, 'lower replicas or raise poolMax');
  }
  const isElsewhere = isRecord(pool) && pool.poolNamespace !== namespace;
  if (isElsewhere && (pool instanceof SandboxPool || pool.poolNamespace !== undefined)) {
    problems.add('pool', `a pool in the fleet's namespace (${namespace ?? 'none is set'})`, pool.poolNamespace, 'give both the same namespace');
  }
}
