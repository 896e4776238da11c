import type { z } from 'zod';
import type { LifecycleErrorCode } from '../../src/schema/lifecycle-errors';

/** HTTP methods of the API. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a route knows of a request. */
export interface RouteInput<B = unknown, Q = unknown> {
  /** Path parameters by name. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  readonly headers: Headers;
  /** Path that was asked for, such as `/v1/sandboxes`. */
  readonly path: string;
  readonly requestId: string;
  /** Name of the caller's key, for logs. */
  readonly caller: string;
  /** Aborts when the caller has gone or the server ends. */
  readonly signal: AbortSignal;
}

/** What a route answers. */
export interface RouteAnswer {
  readonly status: number;
  /** Sent as JSON; text is sent as it is. @default - no body */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One query parameter. */
export interface QueryParameter {
  /** Of numbers and booleans, text of the query is taken for their values. */
  readonly schema: z.ZodType;
  readonly description: string;
  /** May be given more than once. @default false */
  readonly multiple?: boolean;
}

/** A route of the API: what is mounted, and what the OpenAPI document says of it. */
export interface Route {
  readonly method: Method;
  /** Path as OpenAPI writes it, such as `/sandboxes/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
  /** Where it is mounted. @default - bare and below /v1 */
  readonly prefixes?: readonly ('' | '/v1')[];
  /** Whether it is served without a key. @default false */
  readonly open?: boolean;
  readonly query?: Readonly<Record<string, QueryParameter>>;
  /** Headers that change what it does: name -> what for. */
  readonly requestHeaders?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  /** Whether the body may be left out. @default false */
  readonly bodyOptional?: boolean;
  readonly success: { readonly status: number; readonly description: string; readonly schema?: z.ZodType; readonly contentType?: string };
  /** Codes that it may answer, beside those that every route may. */
  readonly errors: readonly LifecycleErrorCode[];
  handle(input: RouteInput): RouteAnswer | Promise<RouteAnswer>;
}

/** A route with the types of its body and query, which its schemas vouch for. */
export function route<B = undefined, Q = Readonly<Record<string, never>>>(
  definition: Omit<Route, 'handle'> & { handle(input: RouteInput<B, Q>): RouteAnswer | Promise<RouteAnswer> },
): Route {
  return definition as Route;
}

/** Tag of routes about the server itself, which change nothing in the cluster. */
export const SERVICE_TAG = 'service';

/** Where a route is mounted. */
export function mountsOf({ prefixes = ['', '/v1'], path }: Route): string[] {
  return prefixes.map((prefix) => `${prefix}${path}`);
}
