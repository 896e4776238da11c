import { z } from 'zod';
import { dnsLabel } from './pod-template';
import { capacitySpec, poolSpec } from './pool';

/**
 * Bodies of the pool routes of the lifecycle API.
 *
 * @see shared/reference/lifecycle-server.md section 11
 */

const { scaleStrategy, updateStrategy, recycleStrategy } = poolSpec.shape;
const strategies = { scaleStrategy, updateStrategy, recycleStrategy };

/** Body of POST /pools. */
export const createPoolRequest = z
  .object({
    name: dnsLabel().describe('Name of the pool.'),
    template: z.record(z.string(), z.unknown()).describe('Template of its pods, as in a Deployment: metadata and spec.'),
    capacitySpec: capacitySpec.describe('Bounds of the idle pods and of all pods, in pods.'),
    ...strategies,
  })
  .meta({ id: 'CreatePoolRequest' });

/** Body of PUT /pools/{name}: what is not named stays. */
export const updatePoolRequest = z.object({ capacitySpec, ...strategies }).meta({ id: 'UpdatePoolRequest' });

/** A pool, as the API tells it: the template is never part of it. */
export const poolReply = z
  .object({
    name: z.string(),
    capacitySpec: z.object({ bufferMin: z.int(), bufferMax: z.int(), poolMin: z.int(), poolMax: z.int() }),
    ...strategies,
    status: z.object({ total: z.int(), allocated: z.int(), available: z.int(), revision: z.string() }).optional(),
    createdAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'Pool' });

export type CreatePoolRequest = z.output<typeof createPoolRequest>;
export type UpdatePoolRequest = z.output<typeof updatePoolRequest>;
export type PoolReply = z.output<typeof poolReply>;
