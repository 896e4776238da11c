import { z } from 'zod';
import { isAlreadyExists, isNotFound } from '../../operator/kube/api-error';
import { createPoolRequest, type CreatePoolRequest, poolReply, type PoolReply, updatePoolRequest, type UpdatePoolRequest } from '../../src/schema/lifecycle-pools';
import { pagination } from '../../src/schema/lifecycle-reply';
import type { Pool, PoolSpec } from '../../src/schema/pool';
import { fromKubeError } from '../kube-errors';
import { invalidRequest, LifecycleError, poolNotFound } from '../lifecycle-error';
import { route, type Route } from '../web/route';
import type { PoolStore } from './pool-store';
import { completeTemplate, privilegeProblems, structureProblems } from './template-check';

const TAG = 'pools';
const PAGE_SIZE = { default: 20, max: 200 } as const;

/** What the routes of pools need. */
export interface PoolRoutesOptions {
  readonly pools: PoolStore;
  readonly namespace: string;
  /** Whether templates may ask for privileges. */
  readonly allowPrivileged: boolean;
  /** RuntimeClass of sandboxes. @default - what templates say */
  readonly runtimeClass?: string;
}

const listReply = z.object({ items: z.array(poolReply), pagination: pagination.optional() }).meta({ id: 'PoolList' });

/** The routes of pools: each change is one write, and lists come from the cache. */
export function poolRoutes(options: PoolRoutesOptions): readonly Route[] {
  const { pools } = options;
  return [
    createRoute(options),
    listRoute(options),
    route<undefined>({
      method: 'GET',
      path: '/pools/{name}',
      operationId: 'getPool',
      summary: 'A pool as it is now.',
      tag: TAG,
      success: { status: 200, description: 'The pool.', schema: poolReply },
      errors: ['KUBERNETES::POOL_NOT_FOUND', 'KUBERNETES::INITIALIZATION_ERROR'],
      handle: async ({ params, signal }) => ({ status: 200, body: toReply(await pools.get(params.name ?? '', signal)) }),
    }),
    updateRoute(options),
    route<undefined>({
      method: 'DELETE',
      path: '/pools/{name}',
      operationId: 'deletePool',
      summary: 'Deletes a pool; sandboxes that hold its pods keep them.',
      tag: TAG,
      success: { status: 204, description: 'It is being deleted.' },
      errors: ['KUBERNETES::POOL_NOT_FOUND', 'KUBERNETES::INVALID_STATE'],
      handle: async ({ params, signal }) => {
        const pool = await pools.get(params.name ?? '', signal);
        await pools.remove(pool).catch((error: unknown) => {
          throw isNotFound(error) ? poolNotFound(pool.metadata.name) : fromKubeError(error, `delete pool '${pool.metadata.name}'`);
        });
        return { status: 204 };
      },
    }),
  ];
}

function createRoute({ pools, namespace, allowPrivileged, runtimeClass }: PoolRoutesOptions): Route {
  return route<CreatePoolRequest>({
    method: 'POST',
    path: '/pools',
    operationId: 'createPool',
    summary: 'Makes a pool of warm pods.',
    tag: TAG,
    body: createPoolRequest,
    success: { status: 201, description: 'The pool.', schema: poolReply },
    errors: ['KUBERNETES::POOL_ALREADY_EXISTS', 'KUBERNETES::QUOTA_EXCEEDED'],
    handle: async ({ body: { name, template, ...spec } }) => {
      const problems = [...structureProblems(template), ...(allowPrivileged ? [] : privilegeProblems(template, runtimeClass))];
      if (problems.length > 0) throw invalidRequest(problems);
      const complete = completeTemplate(template, runtimeClass) as PoolSpec['template'];
      try {
        return { status: 201, body: toReply(await pools.create({ metadata: { name, namespace }, spec: { ...spec, template: complete } }, name)) };
      } catch (error) {
        if (isAlreadyExists(error)) throw new LifecycleError('KUBERNETES::POOL_ALREADY_EXISTS', `pool '${name}': there is one of this name; PUT /v1/pools/${name} changes it`);
        throw fromKubeError(error, `create pool '${name}'`);
      }
    },
  });
}

function updateRoute({ pools }: PoolRoutesOptions): Route {
  return route<UpdatePoolRequest>({
    method: 'PUT',
    path: '/pools/{name}',
    operationId: 'updatePool',
    summary: 'Sets the bounds of a pool, and strategies that are named.',
    tag: TAG,
    body: updatePoolRequest,
    success: { status: 200, description: 'The pool.', schema: poolReply },
    errors: ['KUBERNETES::POOL_NOT_FOUND', 'KUBERNETES::INVALID_STATE'],
    handle: async ({ params, body, signal }) => {
      const { name, uid } = (await pools.get(params.name ?? '', signal)).metadata;
      try {
        return { status: 200, body: toReply(await pools.patch(name, { metadata: { uid }, spec: body })) };
      } catch (error) {
        throw isNotFound(error) ? poolNotFound(name) : fromKubeError(error, `change pool '${name}'`);
      }
    },
  });
}

function listRoute({ pools }: PoolRoutesOptions): Route {
  return route<undefined, { readonly page?: number; readonly pageSize: number }>({
    method: 'GET',
    path: '/pools',
    operationId: 'listPools',
    summary: 'Pools by name: all of them, or a page when one is asked for.',
    tag: TAG,
    query: {
      page: { schema: z.int().min(1).optional(), description: 'Page, from 1; without it all pools come.' },
      pageSize: { schema: z.int().min(1).max(PAGE_SIZE.max).default(PAGE_SIZE.default), description: 'Pools a page.' },
    },
    success: { status: 200, description: 'The pools.', schema: listReply },
    errors: ['KUBERNETES::INITIALIZATION_ERROR'],
    handle: ({ query: { page, pageSize } }) => {
      const all = pools.all();
      if (page === undefined) return { status: 200, body: { items: all.map(toReply) } };
      const totalPages = Math.ceil(all.length / pageSize);
      const items = all.slice((page - 1) * pageSize, page * pageSize).map(toReply);
      return { status: 200, body: { items, pagination: { page, pageSize, totalItems: all.length, totalPages, hasNextPage: page < totalPages } } };
    },
  });
}

function toReply({ metadata, spec, status }: Pool): PoolReply {
  const { capacitySpec, scaleStrategy, updateStrategy, recycleStrategy } = spec;
  const { total, allocated, available, revision } = status ?? {};
  const createdMs = Date.parse(metadata.creationTimestamp ?? '');
  return JSON.parse(
    JSON.stringify({
      name: metadata.name,
      capacitySpec,
      scaleStrategy,
      updateStrategy,
      recycleStrategy,
      ...(status !== undefined && { status: { total, allocated, available, revision } }),
      ...(!Number.isNaN(createdMs) && { createdAt: new Date(createdMs).toISOString() }),
    }),
  ) as PoolReply;
}
