import { isIPv6 } from 'node:net';
import type { CryptoKey } from 'jose';
import { Agent, type Dispatcher } from 'undici';
import type { Clock } from '../../src/program/clock';
import { signExecutorToken } from '../../src/program/executor-token';
import { isSandboxError, problem, SandboxError } from '../../src/schema/errors';
import { type ExecutorTaskRequest, MAX_WAIT_SECONDS, REVISION_HEADER } from '../../src/schema/executor-api';
import { Port } from '../../src/schema/names';
import { AnswerReader } from './answer-reader';
import { type ExecutorAnswer, parseAnswer, provesEmpty } from './executor-answer';

/** Longest call to an executor, in ms (R39). */
const CALL_DEADLINE_MS = 3_000;
/** Longest long-poll, in ms: the wait, and a call's time for the answer. */
const POLL_DEADLINE_MS = MAX_WAIT_SECONDS * 1_000 + CALL_DEADLINE_MS;
/** Longest reset, in ms: processes get their grace of 10 s before they are killed, twice if one had left its group. */
const RESET_DEADLINE_MS = 30_000;
/** Longest answer read, in bytes: a set of one task of 1 MiB, with room. What runs in a sandbox may answer without end. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Where an executor is. */
export interface ExecutorPod {
  /** Audience of signed requests. */
  readonly podUID: string;
  /** IPv4 or IPv6 address, never empty. */
  readonly podIP: string;
}

/** Every task an executor holds, and the revision to wait on; executors that cannot long-poll name none. */
export interface TaskSet {
  readonly tasks: readonly ExecutorAnswer[];
  readonly revision: string | undefined;
}

/** What a call asks for; `await` is the long-poll. */
export type ExecutorOperation = 'get' | 'await' | 'set' | 'reset';

export interface ExecutorClientOptions {
  readonly clock: Clock;
  /** @default 5758 */
  readonly port?: number;
  /** Connections to executors. @default - TCP, one a pod */
  readonly connections?: Dispatcher;
  /**
   * Ed25519 keys that sign every request, in order: the next is tried where an executor does not know the one before.
   *
   * @default - requests are not signed; executors that answer such run with --allow-unauthenticated
   * @see src/program/executor-token.ts
   */
  readonly signingKeys?: readonly CryptoKey[];
  /** Signs one request with a key. @default signExecutorToken */
  readonly sign?: typeof signExecutorToken;
  /** Told of every call that was not cut short, for metrics. */
  readonly onCall?: (operation: ExecutorOperation, result: 'success' | 'failure') => void;
}

/** Statuses that the same request meets every time: it is malformed, or larger than the executor takes. */
const REFUSALS = [400, 413];

/**
 * Calls to the executors in sandbox pods.
 *
 * No call is retried here. Each rejects with EXECUTOR_REFUSED on status 400 or 413, with EXECUTOR_UNAUTHORIZED on 401 to every key,
 * and with EXECUTOR_UNAVAILABLE when its signal aborts, after its deadline, on another status but 200 or on an answer that is not
 * a set of tasks: the last two say nothing about the task. No error quotes a request or an answer, which may hold what a task holds (R135).
 *
 * @see shared/reference/executor.md
 */
export class ExecutorClient {
  private readonly connections: Dispatcher;
  private readonly answers: AnswerReader;

  constructor(private readonly options: ExecutorClientOptions) {
    // One connection a pod: its conversation makes one call at a time, and a second would double the memory of 10,000 long-polls.
    const open = () => new Agent({ connections: 1, pipelining: 1, connect: { timeout: CALL_DEADLINE_MS }, maxResponseSize: MAX_ANSWER_BYTES });
    this.connections = options.connections ?? open();
    this.answers = new AnswerReader(options.clock);
  }

  /** Reads the tasks an executor holds, within 3 s. */
  getTasks(pod: ExecutorPod, signal: AbortSignal): Promise<TaskSet> {
    return this.callForTasks(pod, { operation: 'get', method: 'GET', path: '/getTasks', body: '' }, CALL_DEADLINE_MS, signal);
  }

  /** Reads the tasks once they differ from `revision`, or after 25 s. */
  awaitTasks(pod: ExecutorPod, revision: string, signal: AbortSignal): Promise<TaskSet> {
    const path = `/getTasks?after=${encodeURIComponent(revision)}&wait=${MAX_WAIT_SECONDS}`;
    return this.callForTasks(pod, { operation: 'await', method: 'GET', path, body: '' }, POLL_DEADLINE_MS, signal);
  }

  /** Makes `tasks` the whole wanted set, within 3 s; `[]` drops every task. */
  setTasks(pod: ExecutorPod, tasks: readonly ExecutorTaskRequest[], signal: AbortSignal): Promise<TaskSet> {
    const body = JSON.stringify(tasks);
    return this.callForTasks(pod, { operation: 'set', method: 'POST', path: '/setTasks', body }, CALL_DEADLINE_MS, signal);
  }

  /** Kills and wipes everything in a sandbox, within 30 s; resolves only when the executor has proved it empty (rule 29). */
  async reset(pod: ExecutorPod, signal: AbortSignal): Promise<void> {
    const { value: isEmpty } = await this.call(pod, { operation: 'reset', method: 'POST', path: '/reset', body: '{}', parse: provesEmpty }, RESET_DEADLINE_MS, signal);
    if (isEmpty !== true) throw unavailable('a proof that nothing is left', 'another answer');
  }

  /** Ends every call and connection. */
  async close(): Promise<void> {
    await this.connections.destroy();
  }

  private async callForTasks(pod: ExecutorPod, request: Request, deadlineMs: number, signal: AbortSignal): Promise<TaskSet> {
    const { value: tasks, revision } = await this.call(pod, { ...request, parse: parseAnswer }, deadlineMs, signal);
    if (tasks === undefined) throw unavailable('a set of tasks', 'another answer');
    return { tasks, revision };
  }

  private async call<T>(pod: ExecutorPod, request: Request & AnswerParser<T>, deadlineMs: number, signal: AbortSignal) {
    const ending = new AbortController();
    const end = () => ending.abort();
    const cancelDeadline = this.options.clock.setTimer(deadlineMs, end);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      const answer = await this.exchange(pod, request, ending.signal);
      if (answer.status === 401) throw new SandboxError('EXECUTOR_UNAUTHORIZED', problem('executor', 'token', 'a key that it knows', 'status 401'));
      if (REFUSALS.includes(answer.status)) throw refused(answer.status);
      if (answer.status !== 200) throw unavailable('status 200', String(answer.status));
      this.options.onCall?.(request.operation, 'success');
      return answer;
    } catch (error) {
      // A call that we cut short ourselves has no result.
      if (!signal.aborted) this.options.onCall?.(request.operation, 'failure');
      if (isSandboxError(error)) throw error;
      const got = ending.signal.aborted && !signal.aborted ? 'none' : `'${error instanceof Error ? error.message : String(error)}'`;
      throw unavailable(`an answer within ${deadlineMs} ms`, got, error);
    } finally {
      cancelDeadline();
      signal.removeEventListener('abort', end);
    }
  }

  /** The answer to the first key that the executor knows, else to the last. An executor that says 401 has done nothing. */
  private async exchange<T>(pod: ExecutorPod, request: Request & AnswerParser<T>, signal: AbortSignal) {
    const { signingKeys: [first, ...others] = [] } = this.options;
    let answer = await this.send(pod, request, first, signal);
    for (const key of others) {
      if (answer.status !== 401) break;
      answer = await this.send(pod, request, key, signal);
    }
    return answer;
  }

  private async send<T>(pod: ExecutorPod, request: Request & AnswerParser<T>, key: CryptoKey | undefined, signal: AbortSignal) {
    const { statusCode, headers, body } = await this.connections.request({
      origin: `http://${isIPv6(pod.podIP) ? `[${pod.podIP}]` : pod.podIP}:${this.options.port ?? Port.executor}`,
      method: request.method,
      path: request.path,
      headers: await this.headersOf(pod, request, key),
      body: request.body === '' ? null : request.body,
      signal,
    });
    const revision = headers[REVISION_HEADER];
    const value = statusCode === 200 ? await this.answers.read(body, request.parse, signal) : await body.dump();
    return { status: statusCode, value: value ?? undefined, revision: typeof revision === 'string' ? revision : undefined };
  }

  private async headersOf(pod: ExecutorPod, request: Request, key: CryptoKey | undefined): Promise<Record<string, string>> {
    const headers: Record<string, string> = request.body === '' ? {} : { 'content-type': 'application/json' };
    const { sign = signExecutorToken, clock } = this.options;
    if (key) headers.authorization = `Bearer ${await sign(key, pod.podUID, request, clock.now())}`;
    return headers;
  }
}

interface Request {
  readonly operation: ExecutorOperation;
  readonly method: 'GET' | 'POST';
  /** Path with query. */
  readonly path: string;
  /** JSON; empty for none. */
  readonly body: string;
}

/** Makes sense of an answer's text. */
interface AnswerParser<T> {
  readonly parse: (text: string) => T;
}

function refused(status: number): SandboxError {
  return new SandboxError('EXECUTOR_REFUSED', problem('executor', 'request', 'a request that it accepts', `status ${status}`));
}

function unavailable(expected: string, got: string, cause?: unknown): SandboxError {
  return new SandboxError('EXECUTOR_UNAVAILABLE', problem('executor', 'answer', expected, got), { cause });
}
