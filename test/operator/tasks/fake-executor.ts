import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ExecutorProcessStatus, type ExecutorTask, type ExecutorTaskRequest, REVISION_HEADER, type TerminatedReason } from '../../../src/schema/executor-api';

/** How a fake executor differs from a good one. */
export interface FakeExecutorBehaviour {
  /** Answers nothing at all, for ever. */
  silent?: boolean;
  /** Names no revision, as executors that know no long-poll. */
  withoutRevision?: boolean;
  /** Leaves out uids, as executors that do not know them. */
  withoutUid?: boolean;
  /** Status of every answer, when not 200. */
  status?: number;
  /** Holds dropped tasks until `drop()`. */
  slowStop?: boolean;
  /** Answers POST /setTasks only when this resolves. */
  beforeSet?: Promise<void>;
  /** How many sets it accepts and then does not carry out. */
  loses?: number;
  /** Status of answers to POST /setTasks, when not 200. */
  setStatus?: number;
}

/** An executor that runs nothing: tasks end when the test says so. */
export class FakeExecutor {
  /** Method and path of every request, in order of arrival. */
  readonly requests: string[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  readonly bodies: string[] = [];
  tasks: ExecutorTask[] = [];
  private revision = 0;
  private polls: (() => void)[] = [];
  private readonly server: Server;

  private constructor(readonly behaviour: FakeExecutorBehaviour) {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  static async start(address: string, port: number, behaviour: FakeExecutorBehaviour = {}): Promise<FakeExecutor> {
    const executor = new FakeExecutor(behaviour);
    await new Promise<void>((resolve, reject) => {
      executor.server.once('error', reject).listen(port, address, resolve);
    });
    return executor;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** How many times a request of this start has arrived. */
  count(start: string): number {
    return this.requests.filter((request) => request.startsWith(start)).length;
  }

  /** Gives every held task this status. */
  report(processStatus: ExecutorProcessStatus): void {
    this.tasks = this.tasks.map((task) => ({ ...task, processStatus }));
    this.wake();
  }

  end(exitCode: number, reason: TerminatedReason = exitCode === 0 ? 'Succeeded' : 'Failed'): void {
    this.report({ terminated: { exitCode, reason, finishedAt: '2026-01-01T00:00:00Z' } });
  }

  /** Forgets the tasks that were being dropped. */
  drop(): void {
    this.tasks = this.tasks.filter((task) => task.deletionTimestamp === undefined);
    this.wake();
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private wake(): void {
    this.revision++;
    for (const poll of this.polls.splice(0)) poll();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    this.requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    this.headers.push(request.headers);
    this.bodies.push(body);
    if (this.behaviour.silent) return;
    const url = new URL(request.url ?? '/', 'http://executor');
    const status = this.behaviour.status ?? (url.pathname === '/setTasks' ? this.behaviour.setStatus : undefined);
    if (status) {
      response.writeHead(status).end('{"code":"x","message":"secret of the task"}');
      return;
    }
    if (url.pathname === '/reset') {
      response.end('{"empty":true,"killed":0,"revision":"1"}');
      return;
    }
    if (url.pathname === '/setTasks') {
      await this.behaviour.beforeSet;
      if (this.behaviour.loses) this.behaviour.loses--;
      else this.set(JSON.parse(body) as ExecutorTaskRequest[]);
    } else if (url.searchParams.get('after') === String(this.revision)) {
      await new Promise<void>((resolve) => this.polls.push(resolve));
    }
    if (!this.behaviour.withoutRevision) response.setHeader(REVISION_HEADER, String(this.revision));
    response.end(JSON.stringify(this.behaviour.withoutUid ? this.tasks.map((task) => ({ ...task, uid: undefined })) : this.tasks));
  }

  private set(wanted: readonly ExecutorTaskRequest[]): void {
    const isWanted = (task: ExecutorTask) => wanted.some(({ name, uid }) => name === task.name && uid === task.uid);
    const added = wanted.filter(({ name, uid }) => !this.tasks.some((task) => task.name === name && task.uid === uid));
    const dropped = this.tasks.filter((task) => !isWanted(task)).map((task) => ({ ...task, deletionTimestamp: '2026-01-01T00:00:00Z' }));
    if (added.length === 0 && dropped.length === 0) return;
    this.tasks = [
      ...this.tasks.filter(isWanted),
      ...added.map((task) => ({ ...task, processStatus: { running: { startedAt: '2026-01-01T00:00:00Z' } } })),
      ...(this.behaviour.slowStop ? dropped : []),
    ];
    this.wake();
  }
}
