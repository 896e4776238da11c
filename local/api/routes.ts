import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { stream } from 'hono/streaming';
import { parse as parseYaml } from 'yaml';
import { ApiError, badRequest, unknownPath } from './api-error';
import { type ApiObject, keyOf } from './api-object';
import { aggregated, AGGREGATED_TYPE, coreVersions, findGroup, findResources, groupList, SERVER_VERSION } from './discovery';
import { type JsonObject, toJsonObject } from './json';
import type { ObjectWriter } from './object-writer';
import { EMPTY_OPENAPI_V2, findOpenApi, OPENAPI_V2_TYPE, openApiIndex } from './openapi';
import { firstBytes, parseLogRequest, type PodLogs } from './pod-logs';
import { parsePresentation } from './presentation';
import { decodeObject, ProtobufError } from './protobuf';
import type { Registry } from './registry';
import { parseResourcePath, type ResourcePath } from './request-path';
import type { ResourceApi } from './resource-api';
import { answerReview, type TokenCheck } from './reviews';
import type { Sources } from './sources';
import type { ObjectStore } from './store';
import { parseIncludeObject } from './table';
import { parseWatch, startWatch } from './watch';
import type { WatchBindings } from './watch-sink';
import type { WriteCounter } from './write-counts';

/** Largest request body, in bytes, as on a real API server. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** What the routes stand on. */
export interface RouteParts {
  readonly store: ObjectStore;
  readonly registry: Registry;
  readonly writer: ObjectWriter;
  readonly resources: ResourceApi;
  readonly writes: WriteCounter;
  readonly tokens: TokenCheck;
  readonly sources: Pick<Sources, 'clock' | 'random'>;
  readonly logs?: PodLogs;
}

type Env = { Bindings: WatchBindings };

/** All routes of the API server. */
export function createRoutes(parts: RouteParts): Hono<Env> {
  const app = new Hono<Env>();
  app.onError((error, c) => {
    if (error instanceof ApiError) return statusResponse(c, error);
    return statusResponse(c, new ApiError(500, 'InternalError', `Internal error occurred: ${error.message}`));
  });
  for (const path of ['/healthz', '/readyz', '/livez']) app.get(path, (c) => c.text('ok'));
  app.get('/version', (c) => c.json(SERVER_VERSION));
  app.use('*', async (c, next) => {
    if (!parts.tokens.admits(c.req.header('authorization'))) throw new ApiError(401, 'Unauthorized', 'Unauthorized');
    await next();
  });
  addDiscovery(app, parts.registry);
  app.get('/debug/writes', (c) => c.json(parts.writes.snapshot()));
  app.all('*', (c) => answerResource(c, parts));
  return app;
}

function addDiscovery(app: Hono<Env>, registry: Registry): void {
  const answer = (c: Context, document: JsonObject | undefined) => {
    return document === undefined ? pageNotFound(c) : c.json(document);
  };
  const root = (c: Context, plain: JsonObject, isCore: boolean) =>
    c.req.header('accept')?.includes('as=APIGroupDiscoveryList') === true
      ? c.body(JSON.stringify(aggregated(registry, isCore)), 200, { 'content-type': AGGREGATED_TYPE })
      : c.json(plain);
  app.get('/api', (c) => root(c, coreVersions(), true));
  app.get('/apis', (c) => root(c, groupList(registry), false));
  app.get('/api/:version', (c) => answer(c, findResources(registry, '', c.req.param('version'))));
  app.get('/apis/:group', (c) => answer(c, findGroup(registry, c.req.param('group'))));
  app.get('/apis/:group/:version', (c) => answer(c, findResources(registry, c.req.param('group'), c.req.param('version'))));
  app.get('/openapi/v3', (c) => c.json(openApiIndex(registry)));
  app.get('/openapi/v2', (c) => c.body(EMPTY_OPENAPI_V2, 200, { 'content-type': OPENAPI_V2_TYPE }));
  app.get('/openapi/v3/*', (c) => answer(c, findOpenApi(registry, c.req.path.slice('/openapi/v3/'.length))));
}

async function answerResource(c: Context<Env>, parts: RouteParts): Promise<Response> {
  const path = parseResourcePath(c.req.path, parts.registry);
  if (path === undefined) return answerUnstored(c, parts);
  const isAllNamespaces = path.kind.namespaced && path.namespace === undefined;
  if (path.kind.custom && isAllNamespaces && c.req.method !== 'GET') return pageNotFound(c);
  if (path.kind.plural === 'pods' && path.kind.group === '' && path.subresource === 'exec') throw badRequest('Upgrade request required');
  const query = queryOf(c.req.url);
  const presentation = parsePresentation(c.req.header('accept'));
  if (c.req.method === 'GET') {
    if (query.get('watch') === 'true' || query.get('watch') === '1') return watch(c, parts, path, query);
    if (path.subresource === 'log') return podLog(c, parts, path, query);
  }
  const contentType = mediaType(c.req.header('content-type'));
  const body = c.req.method === 'GET' ? undefined : await readBody(c, contentType);
  const userAgent = c.req.header('user-agent') ?? '';
  const { code, json, warnings } = parts.resources.answer({ method: c.req.method, path, query, presentation, contentType, userAgent, body });
  return new Response(json, { status: code, headers: [['content-type', 'application/json'], ...warnings.map((text): [string, string] => ['warning', toWarning(text)])] });
}

/** A sentence as a header, which holds bytes: those of its text in UTF-8. */
function toWarning(text: string): string {
  return Buffer.from(`299 - ${JSON.stringify(text)}`).toString('latin1');
}

/** Paths that hold no objects: reviews, and nothing else. */
async function answerUnstored(c: Context<Env>, { tokens, registry }: RouteParts): Promise<Response> {
  const body = c.req.method === 'POST' ? toJsonObject(await readBody(c, mediaType(c.req.header('content-type')))) : {};
  const review = c.req.method === 'POST' ? answerReview(c.req.path, body, tokens) : undefined;
  if (review !== undefined) return c.json(review, 201);
  if (isInBuiltInVersion(c.req.path, registry)) throw unknownPath();
  return pageNotFound(c);
}

/** Whether a path is below a group and version of Kubernetes' own kinds: only there a missing resource is told by a Status. */
function isInBuiltInVersion(path: string, registry: Registry): boolean {
  return registry.all().some(({ custom, group, version }) => !custom && path.startsWith(group === '' ? `/api/${version}/` : `/apis/${group}/${version}/`));
}

function pageNotFound(c: Context): Response {
  return c.text('404 page not found\n', 404);
}

function watch(c: Context<Env>, { store, sources: { clock, random } }: RouteParts, path: ResourcePath, query: URLSearchParams): Response {
  const shown = { presentation: parsePresentation(c.req.header('accept')), includeObject: parseIncludeObject(query.get('includeObject')) };
  // Watching one object is an old form of watching with a selector for its name.
  if (path.name !== undefined) query.set('fieldSelector', `metadata.name=${path.name}`);
  const request = parseWatch(path.kind, path.namespace, query, { current: store.currentVersion, random }, shown);
  const connection = c.env.openWatch();
  connection.onClose(startWatch(store, request, connection, clock));
  return RESPONSE_ALREADY_SENT;
}

function podLog(c: Context<Env>, { writer, logs }: RouteParts, { kind, namespace, name = '' }: ResourcePath, query: URLSearchParams): Response {
  const { object } = writer.get(kind, keyOf(namespace, name));
  const request = parseLogRequest(object, query);
  if (!isPlaced(object)) return c.body(null, 204); // as a real server says of a pod that no node has yet
  const closing = new AbortController();
  const log = logs?.(request, closing.signal);
  if (log === undefined) throw badRequest(`container "${request.container}" in pod "${name}" is not available`);
  c.header('content-type', 'text/plain');
  return stream(c, async (output) => {
    output.onAbort(() => closing.abort());
    for await (const chunk of firstBytes(log, request.limitBytes)) await output.write(chunk);
  });
}

function isPlaced({ spec }: ApiObject): boolean {
  const { nodeName } = toJsonObject(spec);
  return typeof nodeName === 'string' && nodeName !== '';
}

/** The parsed body; undefined when it is empty. @throws ApiError 400, 413 */
async function readBody(c: Context<Env>, contentType: string): Promise<unknown> {
  refuseTooLarge(Number(c.req.header('content-length') ?? 0));
  const bytes = new Uint8Array(await c.req.arrayBuffer());
  refuseTooLarge(bytes.length);
  return bytes.length === 0 ? undefined : parseBody(bytes, contentType);
}

function refuseTooLarge(length: number): void {
  if (length > MAX_BODY_BYTES) throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MAX_BODY_BYTES}`);
}

function parseBody(bytes: Uint8Array, contentType: string): unknown {
  try {
    if (contentType.endsWith('protobuf')) return decodeObject(bytes);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
    return contentType.endsWith('yaml') ? parseYaml(text) : JSON.parse(text);
  } catch (error) {
    if (error instanceof ProtobufError) throw new ApiError(415, 'UnsupportedMediaType', error.message);
    throw badRequest(`couldn't read the request body: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function statusResponse(c: Context, error: ApiError): Response {
  const retryAfter = error.details?.retryAfterSeconds;
  const headers = { 'content-type': 'application/json', ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }) };
  return c.body(JSON.stringify(error.toStatus()), error.code as 400, headers);
}

function queryOf(url: string): URLSearchParams {
  const start = url.indexOf('?');
  return new URLSearchParams(start === -1 ? '' : url.slice(start));
}

function mediaType(contentType: string | undefined): string {
  return (contentType ?? 'application/json').split(';')[0]?.trim() ?? '';
}
