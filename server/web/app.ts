import { type Context, Hono } from 'hono';
import type { Logger } from '../../src/program/log';
import { showKind } from '../../src/schema/errors';
import { parse } from '../../src/schema/validation';
import { invalidRequest, LifecycleError } from '../lifecycle-error';
import type { ApiKeys } from './api-keys';
import { type QueryReader, queryReader } from './query';
import { readJson } from './read-json';
import { REQUEST_ID, requestIdOf } from './request-id';
import { type Method, mountsOf, type Route, type RouteAnswer, SERVICE_TAG } from './route';

/** Header that carries the API key. */
export const API_KEY = 'open-sandbox-api-key';

/** What {@link createApp} needs. */
export interface AppOptions {
  readonly routes: readonly Route[];
  readonly keys: ApiKeys;
  readonly log: Logger;
  /** Aborts when requests under way are to end. */
  readonly stop: AbortSignal;
  /** Origins of web pages that may call. @default - none */
  readonly corsOrigins?: readonly string[];
  /** Told of every request without a good key. */
  readonly onRefusedKey?: () => void;
  /** Told of every answer; `operation` is `unknown` where no route was meant. */
  readonly onAnswer?: (answer: { readonly operation: string; readonly status: number; readonly durationMs: number }) => void;
}

/** What a request carries from one step to the next. */
interface Variables {
  requestId: string;
  caller: string;
}
type AppContext = Context<{ Variables: Variables }>;

const WRITES: readonly Method[] = ['POST', 'PUT', 'PATCH', 'DELETE'];
const NO_CONTENT: readonly number[] = [204, 205, 304];

/**
 * The API as one application of standard requests and answers: every answer has a request id, and every one of 400 or above a body
 * `{code, message}` (L37, L40). Opens no socket.
 */
export function createApp(options: AppOptions): Hono<{ Variables: Variables }> {
  const { routes, keys, log, corsOrigins = [], onAnswer, onRefusedKey } = options;
  const open = new Set(routes.filter((route) => route.open === true).flatMap(mountsOf));
  const app = new Hono<{ Variables: Variables }>();

  app.use(async (context, next) => {
    context.set('requestId', requestIdOf(context.req.header(REQUEST_ID)));
    const isPreflight = context.req.method === 'OPTIONS' && context.req.header('access-control-request-method') !== undefined;
    const origin = context.req.header('origin') ?? '';
    if (isPreflight && corsOrigins.includes(origin)) {
      context.res = preflight(context);
    } else if (!open.has(context.req.path)) {
      const verdict = keys.judge(context.req.header(API_KEY));
      if (verdict.ok) {
        context.set('caller', verdict.name);
        await next();
      } else {
        onRefusedKey?.();
        context.res = answerError(context, new LifecycleError(verdict.reason === 'missing' ? 'MISSING_API_KEY' : 'INVALID_API_KEY'));
      }
    } else {
      context.set('caller', '');
      await next();
    }
    context.res.headers.set(REQUEST_ID, context.get('requestId'));
    if (corsOrigins.includes(origin)) {
      context.res.headers.set('access-control-allow-origin', origin);
      context.res.headers.append('vary', 'origin');
    }
  });

  for (const route of routes) {
    const readQuery = queryReader(route.query ?? {});
    for (const mount of mountsOf(route)) {
      app.on(route.method, [mount.replaceAll(/\{(\w+)\}/g, ':$1')], (context) => serve(route, readQuery, context, options));
    }
  }
  app.notFound((context) => {
    const allowed = routes.filter((route) => mountsOf(route).some((mount) => fits(mount, context.req.path))).map(({ method }) => method);
    onAnswer?.({ operation: 'unknown', status: allowed.length > 0 ? 405 : 404, durationMs: 0 });
    return answerError(
      context as AppContext,
      allowed.length > 0
        ? new LifecycleError('GENERAL::METHOD_NOT_ALLOWED', `${context.req.method}: expected one of ${allowed.join(', ')}`, { headers: { allow: allowed.join(', ') } })
        : new LifecycleError('GENERAL::NOT_FOUND', 'there is no such route; GET /openapi.json lists them'),
    );
  });
  app.onError((error, context) => {
    log.error({ err: error, requestId: context.get('requestId') }, 'request failed');
    return answerError(context, new LifecycleError('GENERAL::UNKNOWN_ERROR'));
  });
  return app;
}

async function serve(route: Route, readQuery: QueryReader, context: AppContext, { log, stop, onAnswer }: AppOptions): Promise<Response> {
  const startedAtMs = performance.now();
  const { requestId, caller } = context.var;
  let response: Response;
  let code: string | undefined;
  try {
    const query = readQuery(new URL(context.req.url).searchParams);
    const body = route.body === undefined ? undefined : await readBody(route, context.req.raw);
    const signal = AbortSignal.any([context.req.raw.signal, stop]);
    response = toResponse(
      await route.handle({ params: context.req.param(), query, body, headers: context.req.raw.headers, path: context.req.path, requestId, caller, signal }),
    );
  } catch (error) {
    const known = error instanceof LifecycleError ? error : new LifecycleError('GENERAL::UNKNOWN_ERROR', undefined, { cause: error });
    code = known.code;
    if (known.status >= 500) log.warn({ err: error, requestId, operation: route.operationId, code }, 'request failed');
    response = answerError(context, known);
  }
  onAnswer?.({ operation: route.operationId, status: response.status, durationMs: performance.now() - startedAtMs });
  if (WRITES.includes(route.method) && route.tag !== SERVICE_TAG) {
    log.info({ requestId, caller, operation: route.operationId, object: Object.values(context.req.param()).join('/'), status: response.status, code }, 'write');
  }
  return response;
}

async function readBody({ body, bodyOptional = false }: Route, request: Request): Promise<unknown> {
  const value = await readJson(request);
  if (value === undefined && !bodyOptional) throw invalidRequest([{ path: 'body', expected: 'an object in JSON', got: 'nothing' }]);
  if (body === undefined || value === undefined) return undefined;
  // The whole of a body is an object here, and told as such.
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidRequest([{ path: 'body', expected: 'an object', got: showKind(value) }]);
  const parsed = parse(body, value);
  if (!parsed.ok) throw invalidRequest(parsed.problems);
  return parsed.value;
}

function toResponse({ status, body, headers = {} }: RouteAnswer): Response {
  if (body === undefined || NO_CONTENT.includes(status)) return new Response(null, { status, headers });
  const isText = typeof body === 'string';
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json';
  return new Response(isText ? body : JSON.stringify(body), { status, headers: { 'content-type': type, ...headers } });
}

function answerError(context: AppContext, { status, code, message, headers }: LifecycleError): Response {
  return new Response(JSON.stringify({ code, message }), {
    status,
    headers: { 'content-type': 'application/json', [REQUEST_ID]: context.get('requestId'), ...headers },
  });
}

function preflight(context: AppContext): Response {
  const asked = context.req.header('access-control-request-headers');
  return new Response(null, {
    status: 204,
    headers: { 'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE', 'access-control-max-age': '600', ...(asked !== undefined && { 'access-control-allow-headers': asked }) },
  });
}

/** Whether a path is one of a route mounted at `mount`. */
function fits(mount: string, path: string): boolean {
  const [wanted, got] = [mount.split('/'), path.split('/')];
  return wanted.length === got.length && wanted.every((part, index) => part.startsWith('{') || part === got[index]);
}
