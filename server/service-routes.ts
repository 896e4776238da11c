import { health, version as versionReply } from '../src/schema/lifecycle-reply';
import { LifecycleError } from './lifecycle-error';
import { route, type Route, SERVICE_TAG } from './web/route';

/** What the routes about the server itself need. */
export interface ServiceRoutesOptions {
  readonly version: string;
  /** Why requests cannot be served; empty when they can. */
  readonly notReady: () => readonly string[];
  /** The OpenAPI document, as JSON. */
  readonly openApi: () => unknown;
}

const TAG = SERVICE_TAG;
const BARE = [''] as const;

/** Health, version, the OpenAPI document, and what SDKs report. */
export function serviceRoutes({ version, notReady, openApi }: ServiceRoutesOptions): readonly Route[] {
  return [
    alive('/health', 'health', 'Whether the server answers at all.'),
    alive('/livez', 'livez', 'The same, for the liveness probe.'),
    route({
      method: 'GET',
      path: '/readyz',
      operationId: 'readyz',
      summary: 'Whether requests are served: what the server knows of the cluster is there and fresh.',
      tag: TAG,
      prefixes: BARE,
      open: true,
      success: { status: 200, description: 'They are.', schema: health },
      errors: ['KUBERNETES::INITIALIZATION_ERROR'],
      handle: () => {
        const reasons = notReady();
        if (reasons.length > 0) throw new LifecycleError('KUBERNETES::INITIALIZATION_ERROR', reasons.join('; '), { retryAfterSeconds: 1 });
        return { status: 200, body: { status: 'healthy' } };
      },
    }),
    route({
      method: 'GET',
      path: '/version',
      operationId: 'version',
      summary: 'Version of the server.',
      tag: TAG,
      prefixes: BARE,
      open: true,
      success: { status: 200, description: 'The version.', schema: versionReply },
      errors: [],
      handle: () => ({ status: 200, body: { version } }),
    }),
    route({
      method: 'GET',
      path: '/openapi.json',
      operationId: 'openapi',
      summary: 'This document.',
      tag: TAG,
      prefixes: BARE,
      success: { status: 200, description: 'OpenAPI 3.1.' },
      errors: [],
      handle: () => ({ status: 200, body: openApi() }),
    }),
    route({
      method: 'POST',
      path: '/metrics/events',
      operationId: 'reportMetricsEvent',
      summary: 'What an SDK has measured; taken and dropped.',
      tag: TAG,
      prefixes: ['/v1'],
      success: { status: 204, description: 'Taken.' },
      errors: [],
      handle: () => ({ status: 204 }),
    }),
  ];
}

/** A route that says that the server answers, to anybody. */
function alive(path: string, operationId: string, summary: string): Route {
  return route({
    method: 'GET',
    path,
    operationId,
    summary,
    tag: TAG,
    prefixes: BARE,
    open: true,
    success: { status: 200, description: 'It does.', schema: health },
    errors: [],
    handle: () => ({ status: 200, body: { status: 'healthy' } }),
  });
}
