import { z } from 'zod';
import { diagnosticsReply, type DiagnosticsReply } from '../../src/schema/lifecycle-diagnostics';
import { showValue } from '../../src/schema/errors';
import { LifecycleError } from '../lifecycle-error';
import type { SandboxStore } from '../sandboxes/sandbox-store';
import { type QueryParameter, route, type Route, type RouteAnswer } from '../web/route';
import type { Diagnostics, DiagnosticText } from './diagnostics';

const TAG = 'diagnostics';
/** How far back logs go whose `since` cannot be read, in seconds. */
const UNREADABLE_SINCE_SECONDS = 600;
const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** What the routes of diagnostics need. */
export interface DiagnosticsRoutesOptions {
  readonly store: SandboxStore;
  readonly diagnostics: Diagnostics;
}

interface LogsQuery {
  readonly tail: number;
  readonly since?: string;
  readonly container?: string;
  readonly scope?: string;
}

const scope: QueryParameter = { schema: z.string().optional(), description: 'Which part; with it the answer is JSON, without it deprecated text.' };

/** Logs, events and state of sandboxes, for people. */
export function diagnosticsRoutes({ store, diagnostics }: DiagnosticsRoutesOptions): readonly Route[] {
  const common = { method: 'GET', tag: TAG } as const;
  return [
    route<undefined, LogsQuery>({
      ...common,
      path: '/sandboxes/{id}/diagnostics/logs',
      operationId: 'getSandboxLogs',
      summary: 'What a sandbox has written.',
      query: {
        tail: { schema: z.int().min(1).max(10_000).default(100), description: 'Last lines of each container.' },
        since: { schema: z.string().optional(), description: 'Only what is as young: 30s, 10m, 2h.' },
        container: { schema: z.string().max(63).optional(), description: 'One container; the main one without it.' },
        scope,
      },
      success: { status: 200, description: 'The log.', schema: diagnosticsReply },
      errors: ['DIAGNOSTICS_SCOPE_UNSUPPORTED', 'KUBERNETES::SANDBOX_NOT_FOUND'],
      handle: async ({ params, query, signal }) => {
        const batch = await store.get(params.id ?? '', signal);
        checkScope(query.scope, ['container', 'all']);
        const sinceSeconds = sinceOf(query.since);
        const text = await diagnostics.logs(batch, query.scope === 'all' ? 'all' : query.container, { tailLines: query.tail, ...(sinceSeconds !== undefined && { sinceSeconds }) }, signal);
        return answer(batch.metadata.name, 'logs', query.scope, text);
      },
    }),
    route<undefined, { readonly limit: number; readonly scope?: string }>({
      ...common,
      path: '/sandboxes/{id}/diagnostics/events',
      operationId: 'getSandboxEvents',
      summary: 'What the cluster has told of a sandbox and its pod.',
      query: { limit: { schema: z.int().min(1).max(500).default(50), description: 'Last events.' }, scope },
      success: { status: 200, description: 'The events, one a line.', schema: diagnosticsReply },
      errors: ['DIAGNOSTICS_SCOPE_UNSUPPORTED', 'KUBERNETES::SANDBOX_NOT_FOUND'],
      handle: async ({ params, query, signal }) => {
        const batch = await store.get(params.id ?? '', signal);
        checkScope(query.scope, ['runtime', 'all']);
        return answer(batch.metadata.name, 'events', query.scope, await diagnostics.events(batch, query.limit, signal));
      },
    }),
    route<undefined>({
      ...common,
      path: '/sandboxes/{id}/diagnostics/inspect',
      operationId: 'inspectSandbox',
      summary: 'State of a sandbox and its pod, as text.',
      success: { status: 200, description: 'The state.', schema: z.string(), contentType: 'text/plain' },
      errors: ['KUBERNETES::SANDBOX_NOT_FOUND'],
      handle: async ({ params, signal }) => deprecated((await diagnostics.inspect(await store.get(params.id ?? '', signal), signal)).text),
    }),
    route<undefined, { readonly tail: number; readonly event_limit: number }>({
      ...common,
      path: '/sandboxes/{id}/diagnostics/summary',
      operationId: 'summarizeSandbox',
      summary: 'State, events and the end of the log of a sandbox, as text.',
      query: {
        tail: { schema: z.int().min(1).max(10_000).default(50), description: 'Last lines of the log.' },
        event_limit: { schema: z.int().min(1).max(500).default(20), description: 'Last events.' },
      },
      success: { status: 200, description: 'All of it.', schema: z.string(), contentType: 'text/plain' },
      errors: ['KUBERNETES::SANDBOX_NOT_FOUND'],
      handle: async ({ params, query, signal }) => {
        const batch = await store.get(params.id ?? '', signal);
        const parts = await Promise.all([
          diagnostics.inspect(batch, signal),
          diagnostics.events(batch, query.event_limit, signal),
          diagnostics.logs(batch, undefined, { tailLines: query.tail }, signal),
        ]);
        return deprecated(parts.map(({ text }, index) => `# ${['state', 'events', 'log'][index] ?? ''}\n${text}`).join('\n\n'));
      },
    }),
  ];
}

function checkScope(given: string | undefined, known: readonly string[]): void {
  if (given === undefined || known.includes(given)) return;
  throw new LifecycleError('DIAGNOSTICS_SCOPE_UNSUPPORTED', `scope: expected one of ${known.join(', ')}, got ${showValue(given)}`);
}

function answer(sandboxId: string, kind: DiagnosticsReply['kind'], asked: string | undefined, { text, truncated }: DiagnosticText): RouteAnswer {
  if (asked === undefined) return deprecated(text);
  const body: DiagnosticsReply = { sandboxId, kind, scope: asked, delivery: 'inline', contentType: 'text/plain', content: text, contentLength: Buffer.byteLength(text), truncated };
  return { status: 200, body };
}

function deprecated(text: string): RouteAnswer {
  return { status: 200, body: text, headers: { deprecation: 'true' } };
}

function sinceOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text.trim()) ?? [];
  return count === '' ? UNREADABLE_SINCE_SECONDS : Math.max(1, Number(count) * (SECONDS_PER_UNIT[unit] ?? 1));
}
