import { z } from 'zod';
import { LifecycleError } from '../lifecycle-error';
import { createSandboxRequest, type CreateSandboxRequest, metadataPatch, renewRequest } from '../../src/schema/lifecycle-request';
import { endpoint, type EndpointReply, renewReply, sandbox, sandboxList, type SandboxReply } from '../../src/schema/lifecycle-reply';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { ConcurrencyLimit } from '../concurrency-limit';
import { route, type Route, type RouteInput } from '../web/route';
import { Extension, poolRefOf } from './create-check';
import type { SandboxCreator } from './creator';
import { parseMetadataFilter } from './metadata-filter';
import type { SandboxOperations } from './operations';
import type { SandboxStore } from './sandbox-store';

/** Longest idempotency key, in characters. */
const MAX_KEY = 255;
const PAGE_SIZE = { default: 20, max: 200 } as const;
const TAG = 'sandboxes';

/** What the routes of sandboxes need. */
export interface SandboxRoutesOptions {
  readonly store: SandboxStore;
  readonly creator: SandboxCreator;
  readonly operations: SandboxOperations;
  /** Creates under way by caller. */
  readonly creates: ConcurrencyLimit;
  readonly toReply: (batch: BatchSandbox) => SandboxReply;
  /** Endpoint of a port of a sandbox, by what the request asks for. */
  readonly endpointOf: (batch: BatchSandbox, port: string, input: EndpointInput) => EndpointReply;
}

/** How an endpoint is asked for. */
export interface EndpointInput {
  readonly useServerProxy: boolean;
  /** Seconds since 1970 when the endpoint ends. @default - it does not */
  readonly expires?: string;
  /** Host that the caller has reached this server at. */
  readonly host: string;
  /** Path of the request. */
  readonly path: string;
}

/** The routes of sandboxes. */
export function sandboxRoutes(options: SandboxRoutesOptions): readonly Route[] {
  const { store, operations, toReply } = options;
  const find = ({ params, signal }: RouteInput<unknown, unknown>) => store.get(params.id ?? '', signal);
  return [
    createRoute(options),
    listRoute(options),
    route<undefined>({
      method: 'GET',
      path: '/sandboxes/{id}',
      operationId: 'getSandbox',
      summary: 'A sandbox as it is now.',
      tag: TAG,
      success: { status: 200, description: 'The sandbox.', schema: sandbox },
      errors: ['KUBERNETES::SANDBOX_NOT_FOUND', 'KUBERNETES::INITIALIZATION_ERROR'],
      handle: async (input) => ({ status: 200, body: toReply(await find(input)) }),
    }),
    route<undefined>({
      method: 'DELETE',
      path: '/sandboxes/{id}',
      operationId: 'deleteSandbox',
      summary: 'Deletes a sandbox; its pod ends or goes back to its pool afterwards.',
      tag: TAG,
      success: { status: 204, description: 'It is being deleted.' },
      errors: ['KUBERNETES::SANDBOX_NOT_FOUND', 'KUBERNETES::INVALID_STATE'],
      handle: async ({ params, signal }) => {
        await operations.remove(params.id ?? '', signal);
        return { status: 204 };
      },
    }),
    route<{ readonly expiresAt: string }>({
      method: 'POST',
      path: '/sandboxes/{id}/renew-expiration',
      operationId: 'renewSandboxExpiration',
      summary: 'Sets the time at which a sandbox ends.',
      tag: TAG,
      body: renewRequest,
      success: { status: 200, description: 'The end as it is now.', schema: renewReply },
      errors: ['DOCKER::INVALID_EXPIRATION', 'KUBERNETES::SANDBOX_NOT_FOUND', 'KUBERNETES::INVALID_STATE'],
      handle: async ({ params, body, signal }) => ({ status: 200, body: { expiresAt: await operations.renew(params.id ?? '', body.expiresAt, signal) } }),
    }),
    route<Readonly<Record<string, string | null>>>({
      method: 'PATCH',
      path: '/sandboxes/{id}/metadata',
      operationId: 'patchSandboxMetadata',
      summary: 'Sets and removes metadata; the body is the map, and null removes a key.',
      tag: TAG,
      body: metadataPatch,
      success: { status: 200, description: 'The sandbox.', schema: sandbox },
      errors: ['INVALID_METADATA_LABEL', 'SANDBOX::INVALID_METADATA_LABEL', 'KUBERNETES::SANDBOX_NOT_FOUND', 'KUBERNETES::INVALID_STATE'],
      handle: async ({ params, body, signal }) => ({ status: 200, body: toReply(await operations.patchMetadata(params.id ?? '', body, signal)) }),
    }),
    endpointRoute(options),
  ];
}

function createRoute({ creator, creates, toReply }: SandboxRoutesOptions): Route {
  return route<CreateSandboxRequest>({
    method: 'POST',
    path: '/sandboxes',
    operationId: 'createSandbox',
    summary: 'Makes a sandbox and waits until it runs.',
    tag: TAG,
    requestHeaders: {
      'Idempotency-Key': 'A repeat with the same key finds the same sandbox and waits for it; also extensions["idempotency.key"].',
      Prefer: 'respond-async: answer at once, with state Pending.',
    },
    body: createSandboxRequest,
    success: { status: 202, description: 'The sandbox. Header opensandbox-ignored names members of the request that a pool leaves without effect.', schema: sandbox },
    errors: [
      'SANDBOX::INVALID_METADATA_LABEL',
      'VOLUME::INVALID',
      'DOCKER::INVALID_ENTRYPOINT',
      'KUBERNETES::QUOTA_EXCEEDED',
      'KUBERNETES::POOL_NOT_FOUND',
      'KUBERNETES::INVALID_STATE',
      'IDEMPOTENCY::KEY_REUSED',
      'KUBERNETES::POOL_CAPACITY_EXHAUSTED',
      'GENERAL::TOO_MANY_REQUESTS',
      'KUBERNETES::POD_FAILED',
      'SNAPSHOT::NOT_IMPLEMENTED',
      'KUBERNETES::INITIALIZATION_ERROR',
      'KUBERNETES::POD_READY_TIMEOUT',
      'GENERAL::SHUTTING_DOWN',
    ],
    handle: async ({ body, headers, caller, signal }) => {
      const idempotencyKey = keyOf(headers.get('idempotency-key') ?? body.extensions?.[Extension.idempotencyKey]);
      const isAsync = /(^|[\s,;])respond-async([\s,;]|$)/i.test(headers.get('prefer') ?? '');
      const batch = await creates.run(caller, () => creator.create({ request: body, idempotencyKey, isAsync, signal }));
      const ignored = poolRefOf(body) === undefined ? [] : (['image', 'resourceLimits', 'resourceRequests'] as const).filter((name) => body[name] !== undefined);
      return { status: 202, body: toReply(batch), ...(ignored.length > 0 && { headers: { 'opensandbox-ignored': ignored.join(', ') } }) };
    },
  });
}

function keyOf(text: string | null | undefined): string | undefined {
  const key = text?.trim() ?? '';
  if (key.length > MAX_KEY) throw new LifecycleError('SANDBOX::INVALID_PARAMETER', `Idempotency-Key: expected at most ${MAX_KEY} characters, got ${key.length}`);
  return key === '' ? undefined : key;
}

interface ListQuery {
  readonly state?: readonly string[];
  readonly metadata?: string;
  readonly page: number;
  readonly pageSize: number;
}

function listRoute({ store, toReply }: SandboxRoutesOptions): Route {
  return route<undefined, ListQuery>({
    method: 'GET',
    path: '/sandboxes',
    operationId: 'listSandboxes',
    summary: 'Sandboxes, newest first, a page at a time.',
    tag: TAG,
    query: {
      state: { schema: z.array(z.string()).optional(), multiple: true, description: 'Only sandboxes in one of these states, whatever their case.' },
      metadata: { schema: z.string().optional(), description: 'Only sandboxes with all of these pairs: k=v&k2=v2 as one value.' },
      page: { schema: z.int().min(1).default(1), description: 'Page, from 1.' },
      pageSize: { schema: z.int().min(1).max(PAGE_SIZE.max).default(PAGE_SIZE.default), description: 'Sandboxes a page.' },
    },
    success: { status: 200, description: 'One page.', schema: sandboxList },
    errors: ['INVALID_METADATA_FORMAT', 'KUBERNETES::INITIALIZATION_ERROR'],
    handle: ({ query: { state = [], metadata, page, pageSize } }) => {
      const { items, total } = store.page({ states: state, labels: parseMetadataFilter(metadata) }, page, pageSize);
      const totalPages = Math.ceil(total / pageSize);
      return { status: 200, body: { items: items.map(toReply), pagination: { page, pageSize, totalItems: total, totalPages, hasNextPage: page < totalPages } } };
    },
  });
}

function endpointRoute({ store, endpointOf }: SandboxRoutesOptions): Route {
  return route<undefined, { readonly use_server_proxy: boolean; readonly expires?: string }>({
    method: 'GET',
    path: '/sandboxes/{id}/endpoints/{port}',
    operationId: 'getSandboxEndpoint',
    summary: 'Where a port of a sandbox is reached; whether something listens there is not looked at.',
    tag: TAG,
    query: {
      use_server_proxy: { schema: z.boolean().default(false), description: 'Through this server, for callers that do not reach pods.' },
      expires: { schema: z.string().regex(/^\d{1,20}$/).optional().meta({ expected: 'seconds since 1970' }), description: 'Seconds since 1970 when the endpoint ends; only with ingress.mode = "gateway".' },
    },
    success: { status: 200, description: 'Host, port and path, without scheme, and headers that requests to it carry.', schema: endpoint },
    errors: ['DOCKER::INVALID_PORT', 'KUBERNETES::SANDBOX_NOT_FOUND', 'KUBERNETES::POD_IP_NOT_AVAILABLE', 'KUBERNETES::INITIALIZATION_ERROR'],
    handle: async ({ params, query, headers, path, signal }) => {
      const batch = await store.get(params.id ?? '', signal);
      const input = { useServerProxy: query.use_server_proxy, expires: query.expires, host: headers.get('host') ?? '', path };
      return { status: 200, body: endpointOf(batch, params.port ?? '', input) };
    },
  });
}
