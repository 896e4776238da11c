import { z } from 'zod';
import { LIFECYCLE_ERRORS, type LifecycleErrorCode } from '../../src/schema/lifecycle-errors';
import { errorReply } from '../../src/schema/lifecycle-reply';
import { API_KEY } from './app';
import { mountsOf, type QueryParameter, type Route } from './route';

/** Codes that every route may answer. */
const ANYWHERE: readonly LifecycleErrorCode[] = ['SANDBOX::INVALID_PARAMETER', 'GENERAL::BODY_TOO_LARGE', 'GENERAL::UNKNOWN_ERROR', 'KUBERNETES::API_ERROR', 'KUBERNETES::UNAVAILABLE'];
const KEY_CODES: readonly LifecycleErrorCode[] = ['MISSING_API_KEY', 'INVALID_API_KEY'];

/**
 * The OpenAPI document of these routes, from the schemas that requests are judged by.
 *
 * @see https://spec.openapis.org/oas/v3.1.0
 */
export function openApiDocument(routes: readonly Route[], version: string): Readonly<Record<string, unknown>> {
  const schemas = new Schemas();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    for (const mount of mountsOf(route)) {
      paths[mount] = { ...paths[mount], [route.method.toLowerCase()]: operation(route, mount, schemas) };
    }
  }
  schemas.refer(errorReply);
  return {
    openapi: '3.1.0',
    info: { title: 'Sandbox lifecycle API', version, description: 'Sandboxes on Kubernetes, for the public OpenSandbox SDKs. Every route is served bare and below /v1, unless it is listed once.' },
    paths,
    components: {
      schemas: schemas.all,
      securitySchemes: { apiKey: { type: 'apiKey', in: 'header', name: API_KEY.toUpperCase() } },
    },
    security: [{ apiKey: [] }],
  };
}

function operation(route: Route, mount: string, schemas: Schemas): object {
  const codes = [...ANYWHERE, ...(route.open === true ? [] : KEY_CODES), ...route.errors];
  return {
    operationId: mount.startsWith('/v1') || mountsOf(route).length === 1 ? route.operationId : `${route.operationId}Bare`,
    summary: route.summary,
    tags: [route.tag],
    ...(route.open === true && { security: [] }),
    parameters: [...pathParameters(mount), ...Object.entries(route.query ?? {}).map(queryParameter), ...Object.entries(route.requestHeaders ?? {}).map(headerParameter)],
    ...(route.body !== undefined && {
      requestBody: { required: route.bodyOptional !== true, content: { 'application/json': { schema: schemas.refer(route.body) } } },
    }),
    responses: { [route.success.status]: success(route, schemas), ...errorResponses(codes, schemas) },
  };
}

function success({ success: { description, schema, contentType = 'application/json' } }: Route, schemas: Schemas): object {
  return { description, ...(schema !== undefined && { content: { [contentType]: { schema: schemas.refer(schema) } } }) };
}

function errorResponses(codes: readonly LifecycleErrorCode[], schemas: Schemas): Record<string, unknown> {
  const byStatus = new Map<number, string[]>();
  for (const code of new Set(codes)) {
    const { httpStatus, sentence } = LIFECYCLE_ERRORS[code];
    byStatus.set(httpStatus, [...(byStatus.get(httpStatus) ?? []), `${code}: ${sentence}`]);
  }
  const content = { 'application/json': { schema: schemas.refer(errorReply) } };
  return Object.fromEntries([...byStatus].sort(([a], [b]) => a - b).map(([status, lines]) => [status, { description: lines.join('\n'), content }]));
}

function pathParameters(mount: string): object[] {
  return [...mount.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
}

function queryParameter([name, { schema, description, multiple = false }]: [string, QueryParameter]): object {
  return { name, in: 'query', required: false, description, schema: toJson(schema), ...(multiple && { style: 'form', explode: true }) };
}

function headerParameter([name, description]: [string, string]): object {
  return { name, in: 'header', required: false, description, schema: { type: 'string' } };
}

/** Schemas by the ids that they carry; one without an id is written where it is used. */
class Schemas {
  readonly all: Record<string, unknown> = {};

  refer(schema: z.ZodType): object {
    const id = z.globalRegistry.get(schema)?.id;
    if (id === undefined) return this.convert(schema);
    // What is converted may have told of itself by then, among the schemas that it is made of.
    const json = id in this.all ? {} : this.convert(schema);
    this.all[id] ??= json;
    return { $ref: `${COMPONENTS}${id}` };
  }

  private convert(schema: z.ZodType): object {
    const { $defs = {}, ...json } = toJson(schema);
    Object.assign(this.all, $defs);
    return json;
  }
}

const COMPONENTS = '#/components/schemas/';

/** Draft 2020-12, which OpenAPI 3.1 takes as it is; without what is for our own messages. Schemas with an id are told apart in `$defs`. */
function toJson(schema: z.ZodType): { readonly $defs?: Readonly<Record<string, unknown>> } {
  const { $schema: _draft, id: _id, ...json } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      for (const hint of ['expected', 'secret', 'id']) delete jsonSchema[hint];
    },
  });
  return JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', `"${COMPONENTS}`)) as object;
}
