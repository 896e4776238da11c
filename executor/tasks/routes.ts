import { watch } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { type ExecutorErrorBody, type ExecutorResetAnswer, type ExecutorVersion, LogHeader, MAX_LOG_CHUNK_BYTES, MAX_WAIT_SECONDS, REVISION_HEADER } from '../../src/schema/executor-api';
import { ERROR_CODES, isSandboxError, SandboxError } from '../../src/schema/errors';
import type { Log } from '../log';
import { type LogStream, readLog } from './log-files';
import { invalid, parseCount, parseEmpty, parseTask, parseTasks } from './requests';
import type { Supervisor } from './supervisor';
import { type HeldTask, toExecutorTask } from './task';

/** What the routes work with. */
export interface RoutesOptions {
  readonly supervisor: Supervisor;
  readonly log: Log;
  readonly version: ExecutorVersion;
  /** Most bytes of a request body. */
  readonly maxBodyBytes: number;
  /** Lets a request pass or throws REQUEST_UNAUTHORIZED; absent means that everybody may call. */
  readonly authorize?: (request: Request, body: Uint8Array) => Promise<void>;
  /** Everything that is wrong with the executor. */
  readonly health: () => Promise<readonly string[]>;
  /** Ends and deletes everything; how many processes were alive. */
  readonly reset: () => Promise<number>;
}

type Env = { Variables: { body: Uint8Array } };

/** The task API (sections 2 and 12 of the executor reference). */
export function taskRoutes(options: RoutesOptions): Hono<Env> {
  const { supervisor, log } = options;
  const app = new Hono<Env>();
  const answerTasks = (context: Context<Env>) => {
    context.header(REVISION_HEADER, supervisor.changes.revision);
    return context.json(supervisor.list());
  };

  app.get('/health', async (context) => {
    const problems = await options.health();
    return problems.length === 0 ? context.json({ status: 'healthy' }) : context.json({ status: 'unhealthy', problems }, 503);
  });
  app.use(readBody(options.maxBodyBytes), async (context, next) => {
    await options.authorize?.(context.req.raw, context.get('body'));
    await next();
  });
  app.post('/setTasks', async (context) => {
    await supervisor.set(parseTasks(context.get('body')));
    return answerTasks(context);
  });
  app.get('/getTasks', async (context) => {
    const after = context.req.query('after');
    const waitSeconds = parseCount('wait', context.req.query('wait'), 0, MAX_WAIT_SECONDS);
    if (after !== undefined) {
      await supervisor.changes.wait(after, waitSeconds * 1000, context.req.raw.signal);
    }
    return answerTasks(context);
  });
  app.post('/tasks', async (context) => {
    const task = await supervisor.add(parseTask(context.get('body')));
    context.header(REVISION_HEADER, supervisor.changes.revision);
    return context.json(toExecutorTask(task), 201);
  });
  app.get('/tasks/:name', (context) => context.json(toExecutorTask(findTask(supervisor, context.req.param('name')))));
  app.delete('/tasks/:name', async (context) => {
    await supervisor.remove(context.req.param('name'));
    return context.body(null, 204);
  });
  app.get('/tasks/:name/logs', (context) => answerLog(context, supervisor, findTask(supervisor, context.req.param('name'))));
  app.post('/reset', async (context) => {
    parseEmpty(context.get('body'));
    const killed = await options.reset();
    return context.json({ empty: true, killed, revision: supervisor.changes.revision } satisfies ExecutorResetAnswer);
  });
  app.get('/version', (context) => context.json(options.version));

  const known = [...new Set(app.routes.filter(({ method }) => method !== 'ALL').map(({ path }) => path)), '/tasks'];
  known.forEach((path) => app.all(path, (context) => answerError(context, 405, 'MethodNotAllowed', `${context.req.method} ${path}: expected another method`)));
  app.notFound((context) => answerError(context, 404, 'NotFound', `${context.req.path}: expected a known path`));
  app.onError((error, context) => {
    if (isSandboxError(error)) {
      const { reason = 'Internal', ...facts } = error.details ?? {};
      return answerError(context, ERROR_CODES[error.code].httpStatus ?? 500, String(reason), error.message, facts);
    }
    log.error({ err: error, method: context.req.method, path: context.req.path }, 'request failed');
    return answerError(context, 500, 'Internal', error.message);
  });
  return app;
}

/** Reads the body once and whole; a longer one than allowed is not read to its end. */
function readBody(maxBytes: number): MiddlewareHandler<Env> {
  return async (context, next) => {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of context.req.raw.body ?? []) {
      length += piece.length;
      if (length > maxBytes) {
        throw new SandboxError('REQUEST_TOO_LARGE', `body: expected at most ${maxBytes} bytes (--max-body-bytes), got more`, { details: { reason: 'TooLarge' } });
      }
      pieces.push(piece);
    }
    context.set('body', Buffer.concat(pieces));
    await next();
  };
}

function findTask(supervisor: Supervisor, name: string): HeldTask {
  const task = supervisor.find(name);
  if (task === undefined) {
    throw new SandboxError('TASK_NOT_FOUND', `task '${name.slice(0, 200)}': expected a task that is held, got none of that name`, { details: { reason: 'NotFound' } });
  }
  return task;
}

/** Sends a piece of a stream; with `wait`, as soon as there is one. */
async function answerLog(context: Context<Env>, supervisor: Supervisor, task: HeldTask): Promise<Response> {
  const stream = parseStream(context.req.query('stream'));
  const offset = parseCount('offset', context.req.query('offset'), 0, Number.MAX_SAFE_INTEGER);
  const limit = parseCount('limit', context.req.query('limit'), MAX_LOG_CHUNK_BYTES, MAX_LOG_CHUNK_BYTES);
  const waitSeconds = parseCount('wait', context.req.query('wait'), 0, MAX_WAIT_SECONDS);
  const deadline = AbortSignal.any([AbortSignal.timeout(waitSeconds * 1000), context.req.raw.signal, supervisor.changes.closed]);
  for (;;) {
    // Both before the read: the runner may write its last bytes and end during it.
    const output = deadline.aborted ? undefined : watchOutput(task, supervisor, deadline);
    const hasEnded = task.state.kind === 'ended' && task.runnerEnded === undefined;
    try {
      const chunk = task.directory === undefined ? { offset, bytes: Buffer.alloc(0) } : await readLog(task.directory, stream, offset, limit);
      const isComplete = hasEnded && chunk.bytes.length < limit;
      if (chunk.bytes.length > 0 || isComplete || output === undefined) {
        return context.body(new Uint8Array(chunk.bytes), 200, {
          'content-type': 'text/plain; charset=utf-8',
          [LogHeader.offset]: String(chunk.offset),
          [LogHeader.nextOffset]: String(chunk.offset + chunk.bytes.length),
          ...(isComplete ? { [LogHeader.complete]: 'true' } : {}),
        });
      }
      await output.changed;
    } finally {
      output?.stop();
    }
  }
}

/** Resolves `changed` when a file of the task changes, when any task changes, when its runner ends, or at the deadline. */
function watchOutput({ directory, runnerEnded }: HeldTask, { changes }: Supervisor, deadline: AbortSignal) {
  const stopped = new AbortController();
  const ended = AbortSignal.any([deadline, stopped.signal]);
  const changed = new Promise<void>((resolve) => {
    void changes.wait(changes.revision, MAX_WAIT_SECONDS * 1000, ended).then(resolve);
    void runnerEnded?.then(resolve);
    if (directory !== undefined) {
      watch(directory, { signal: ended }, () => resolve()).on('error', () => resolve());
    }
  });
  return { changed, stop: () => stopped.abort() };
}

function parseStream(text = 'stdout'): LogStream {
  if (text !== 'stdout' && text !== 'stderr') {
    throw invalid('InvalidQuery', [{ path: 'stream', expected: "'stdout' or 'stderr'", got: `'${text.slice(0, 200)}'` }]);
  }
  return text;
}

function answerError(context: Context, status: number, reason: string, message: string, facts: Readonly<Record<string, unknown>> = {}): Response {
  const body: ExecutorErrorBody = { code: STATUS_CODES[status] ?? 'Error', reason, message };
  return context.json({ ...body, ...facts }, status as ContentfulStatusCode);
}
