import { z } from 'zod';

/**
 * Bodies of answers of the lifecycle API. A member without a value is left out, never null.
 *
 * @see shared/reference/lifecycle-server.md section 4
 */

/** States of a sandbox. Pausing, Paused and Resuming are of the contract, and not used yet. */
export const SANDBOX_STATES = ['Pending', 'Running', 'Pausing', 'Paused', 'Resuming', 'Stopping', 'Terminated', 'Failed'] as const;
export type SandboxState = (typeof SANDBOX_STATES)[number];

const instant = () => z.iso.datetime();

const sandboxStatus = z.object({
  state: z.enum(SANDBOX_STATES),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastTransitionAt: instant().optional(),
});

/** A sandbox, as create, get, list and patch answer it. */
export const sandbox = z
  .object({
    id: z.string(),
    status: sandboxStatus,
    createdAt: instant(),
    entrypoint: z.array(z.string()).describe('Command that was asked for; empty when none was.'),
    image: z.object({ uri: z.string() }).optional().describe('Image of the sandbox, or of the pod of its pool.'),
    metadata: z.record(z.string(), z.string()).optional(),
    expiresAt: instant().optional(),
    platform: z.object({ os: z.string(), arch: z.string() }).optional(),
    extensions: z.record(z.string(), z.string()).optional(),
    allocation: z.object({ mode: z.literal('pool'), poolRef: z.string(), state: z.enum(['allocated', 'pending']) }).optional(),
  })
  .meta({ id: 'Sandbox' });

/** Where one page of a list stands in it. */
export const pagination = z
  .object({ page: z.int(), pageSize: z.int(), totalItems: z.int(), totalPages: z.int(), hasNextPage: z.boolean() })
  .meta({ id: 'Pagination' });

export const sandboxList = z.object({ items: z.array(sandbox), pagination }).meta({ id: 'SandboxList' });

export const renewReply = z.object({ expiresAt: instant() }).meta({ id: 'RenewSandboxExpirationResponse' });

/** Where a port of a sandbox is reached. */
export const endpoint = z
  .object({
    endpoint: z.string().describe('Host, port and path, without scheme.'),
    headers: z.record(z.string(), z.string()).optional().describe('Headers that requests to it must carry.'),
  })
  .meta({ id: 'Endpoint' });

export const health = z.object({ status: z.literal('healthy') }).meta({ id: 'Health' });
export const version = z.object({ version: z.string() }).meta({ id: 'Version' });

/** Body of every answer of 400 and above. */
export const errorReply = z.object({ code: z.string(), message: z.string() }).meta({ id: 'Error' });

export type SandboxReply = z.output<typeof sandbox>;
export type SandboxStatusReply = z.output<typeof sandboxStatus>;
export type SandboxListReply = z.output<typeof sandboxList>;
export type EndpointReply = z.output<typeof endpoint>;
