import { watch } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { type ExecutorErrorBody, type ExecutorResetAnswer, type ExecutorVersion, LogHeader, MAX_LOG_CHUNK_BYTES, MAX_WAIT_SECONDS, REVISION_HEADER } from '../../src/schema/executor-api';
import { ERROR_CODES, isSandboxError, SandboxError } from '../../src/schema/errors';
import type { Log } from '../log';
import type { WebAnswer, WebHandler, WebRequest } from '../web-server';
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
  /** Asked before the body is read, and told of it then; either throws REQUEST_UNAUTHORIZED. Absent means that everybody may call. */
  readonly authorize?: (request: WebRequest) => Promise<(body: Uint8Array) => void>;
  /** Everything that is wrong with the executor. */
  readonly health: () => Promise<readonly string[]>;
  /** Ends and deletes everything; how many processes were alive. */
  readonly reset: () => Promise<number>;
}

/** A request to a route, with what is read of it. */
interface Call {
  /** Name of the task in the path; empty when the path has none. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
}

/** Path -> method -> what answers. */
type RouteTable = Readonly<Record<string, Readonly<Record<string, (call: Call) => WebAnswer | Promise<WebAnswer>>>>>;

/** The task API (sections 2 and 12 of the executor reference). */
export function taskRoutes(options: RoutesOptions): WebHandler {
  const routes = routeTable(options);
  return async (request) => {
    const { method, url: { pathname, searchParams }, signal } = request;
    try {
      const [path, name] = splitPath(pathname);
      const route = routes[path];
      const handle = route?.[method === 'HEAD' ? 'GET' : method];
      if (path === HEALTH_PATH && handle !== undefined) {
        return await handle({ name, query: searchParams, body: Buffer.alloc(0), signal });
      }
      const authorizeBody = await options.authorize?.(request);
      const body = await readBody(request, options.maxBodyBytes);
      authorizeBody?.(body);
      if (route === undefined) {
        return answerError(404, 'NotFound', `${pathname}: expected a known path`);
      }
      if (handle === undefined) {
        return answerError(405, 'MethodNotAllowed', `${method} ${path}: expected another method`);
      }
      const answer = await handle({ name, query: searchParams, body, signal });
      // After the look at the tasks: what it has seen may be an end that nobody is told of (R113).
      return options.supervisor.isEnding ? answerError(503, 'ShuttingDown', `${path}: expected the executor to go on, got its end`) : answer;
    } catch (error) {
      if (isSandboxError(error)) {
        const { reason = 'Internal', ...facts } = error.details ?? {};
        return answerError(ERROR_CODES[error.code].httpStatus ?? 500, String(reason), error.message, facts);
      }
      options.log.error({ err: error, method, path: pathname }, 'request failed');
      return answerError(500, 'Internal', error instanceof Error ? error.message : String(error));
    }
  };
}

/** The one path that needs no token (rule 27). */
const HEALTH_PATH = '/health';

function routeTable({ supervisor, version, health, reset }: RoutesOptions): RouteTable {
  const revision = () => ({ [REVISION_HEADER]: supervisor.changes.revision });
  const answerTasks = () => answerJson(supervisor.list(), 200, revision());
  return {
    [HEALTH_PATH]: {
      GET: async () => {
        const problems = await health();
        return problems.length === 0 ? answerJson({ status: 'healthy' }) : answerJson({ status: 'unhealthy', problems }, 503);
      },
    },
    '/setTasks': {
      POST: async ({ body }) => {
        await supervisor.set(parseTasks(body));
        return answerTasks();
      },
    },
    '/getTasks': {
      GET: async ({ query, signal }) => {
        const after = query.get('after');
        const waitSeconds = parseCount('wait', query.get('wait'), 0, MAX_WAIT_SECONDS);
        if (after !== null) {
          await supervisor.changes.wait(after, waitSeconds * 1000, signal);
        }
        return answerTasks();
      },
    },
    '/tasks': {
      POST: async ({ body }) => {
        const task = await supervisor.add(parseTask(body));
        return answerJson(toExecutorTask(task), 201, revision());
      },
    },
    '/tasks/:name': {
      GET: ({ name }) => answerJson(toExecutorTask(findTask(supervisor, name))),
      DELETE: async ({ name }) => {
        await supervisor.remove(name);
        return { status: 204 };
      },
    },
    '/tasks/:name/logs': { GET: (call) => answerLog(call, supervisor, findTask(supervisor, call.name)) },
    '/reset': {
      POST: async ({ body }) => {
        parseEmpty(body);
        const killed = await reset();
        return answerJson({ empty: true, killed, revision: supervisor.changes.revision } satisfies ExecutorResetAnswer);
      },
    },
    '/version': { GET: () => answerJson(version) },
  };
}

/** The path as in the table, and the name of a task that it holds. */
function splitPath(pathname: string): readonly [path: string, name: string] {
  const [, name = '', rest = ''] = /^\/tasks\/([^/]+)(\/.*)?$/.exec(pathname) ?? [];
  return name === '' ? [pathname, ''] : [`/tasks/:name${rest}`, decode(name)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Reads the body once and whole; a longer one than allowed is not read to its end. */
async function readBody({ body }: WebRequest, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > maxBytes) {
      throw new SandboxError('REQUEST_TOO_LARGE', `body: expected at most ${maxBytes} bytes (--max-body-bytes), got more`, { details: { reason: 'TooLarge' } });
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function findTask(supervisor: Supervisor, name: string): HeldTask {
  const task = supervisor.find(name);
  if (task === undefined) {
    throw new SandboxError('TASK_NOT_FOUND', `task '${name.slice(0, 200)}': expected a task that is held, got none of that name`, { details: { reason: 'NotFound' } });
  }
  return task;
}

/** Sends a piece of a stream; with `wait`, as soon as there is one. */
async function answerLog({ query, signal }: Call, supervisor: Supervisor, task: HeldTask): Promise<WebAnswer> {
  const stream = parseStream(query.get('stream'));
  const offset = parseCount('offset', query.get('offset'), 0, Number.MAX_SAFE_INTEGER);
  const limit = parseCount('limit', query.get('limit'), MAX_LOG_CHUNK_BYTES, MAX_LOG_CHUNK_BYTES);
  const waitSeconds = parseCount('wait', query.get('wait'), 0, MAX_WAIT_SECONDS);
  const deadline = AbortSignal.any([AbortSignal.timeout(waitSeconds * 1000), signal, supervisor.changes.closed]);
  for (;;) {
    // Both before the read: the runner may write its last bytes and end during it.
    const hasEnded = task.state.kind === 'ended' && task.runnerEnded === undefined;
    const output = waitSeconds === 0 || hasEnded || deadline.aborted ? undefined : watchOutput(task, supervisor, deadline);
    try {
      const chunk = task.directory === undefined ? { offset, bytes: Buffer.alloc(0), isEnd: limit > 0 } : await readLog(task.directory, stream, offset, limit);
      const isComplete = hasEnded && chunk.isEnd;
      if (chunk.bytes.length > 0 || isComplete || output === undefined) {
        const headers = {
          'content-type': 'text/plain; charset=utf-8',
          [LogHeader.offset]: String(chunk.offset),
          [LogHeader.nextOffset]: String(chunk.offset + chunk.bytes.length),
          ...(isComplete ? { [LogHeader.complete]: 'true' } : {}),
        };
        return { status: 200, headers, body: chunk.bytes };
      }
      await output.changed;
    } finally {
      output?.stop();
    }
  }
}

/** Resolves `changed` when a file of the task may have changed, when any task changes, when its runner ends, or at the deadline; it never rejects. */
function watchOutput({ directory, runnerEnded }: HeldTask, { changes }: Supervisor, deadline: AbortSignal) {
  const stopped = new AbortController();
  const ended = AbortSignal.any([deadline, stopped.signal]);
  const changed = new Promise<void>((resolve) => {
    void changes.wait(changes.revision, MAX_WAIT_SECONDS * 1000, ended).then(resolve);
    void runnerEnded?.then(resolve);
    if (directory !== undefined) {
      watchDirectory(directory, ended, resolve);
    }
  });
  return { changed, stop: () => stopped.abort() };
}

/** Pause between two looks at a directory that cannot be watched, in ms. */
const LOOK_MS = 250;

/**
 * Tells of a change in a directory. Where it cannot be watched it tells of one after {@link LOOK_MS}: all processes of a user, in all
 * containers of a node, share the number of watchers that Linux allows them (fs.inotify.max_user_instances, usually 128).
 */
function watchDirectory(directory: string, signal: AbortSignal, onChange: () => void): void {
  const tellLater = () => {
    const timer = setTimeout(onChange, LOOK_MS);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  };
  try {
    watch(directory, { signal }, onChange).on('error', tellLater);
  } catch {
    tellLater();
  }
}

function parseStream(text: string | null): LogStream {
  const stream = text ?? 'stdout';
  if (stream !== 'stdout' && stream !== 'stderr') {
    throw invalid('InvalidQuery', [{ path: 'stream', expected: "'stdout' or 'stderr'", got: `'${stream.slice(0, 200)}'` }]);
  }
  return stream;
}

function answerJson(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): WebAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

function answerError(status: number, reason: string, message: string, facts: Readonly<Record<string, unknown>> = {}): WebAnswer {
  const body: ExecutorErrorBody = { code: STATUS_CODES[status] ?? 'Error', reason, message };
  return answerJson({ ...body, ...facts }, status);
}
