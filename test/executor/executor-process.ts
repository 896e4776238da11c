import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ExecutorTask, REVISION_HEADER } from '../../src/schema/executor-api';

/** The bundled program; `npm run bundle` makes it. */
export const EXECUTOR_PROGRAM = join(__dirname, '../../lib/bin/sandbox-executor.js');

/** Path of a fixture program. */
export const fixture = (name: string): string => join(__dirname, 'fixtures', name);

/** Longest wait for something to come true, in seconds. */
const PATIENCE_SECONDS = 30;

/** A task in a request, by name and command. */
export const task = (name: string, command: readonly string[], more: object = {}) => ({ name, process: { command, ...more } });

/** A shell command as a task. */
export const shell = (name: string, script: string, more: object = {}) => task(name, ['sh', '-c', script], more);

/** Answer of the executor. */
export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** A real executor process on a port and a data directory of its own. */
export class ExecutorProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly home: string,
    /** What it has written to standard error so far. */
    readonly readOwnLog: () => string,
    /** Port of commands and files, when one was asked for. */
    readonly execdPort = NaN,
  ) {}

  /**
   * @param home directory of an earlier executor, whose tasks this one takes over
   * @param how what starts it: program and arguments that come before it
   */
  static async start(
    flags: readonly string[] = [],
    home = mkdtempSync(join(tmpdir(), 'executor-test-')),
    env: NodeJS.ProcessEnv = {},
    { launcher = [] }: { readonly launcher?: readonly string[] } = {},
  ): Promise<ExecutorProcess> {
    // Without a spare runner, which most tests would start and never use.
    const settings = ['--allow-unauthenticated', '--listen-addr=127.0.0.1:0', '--execd-listen-addr=0', `--data-dir=${join(home, 'data')}`, '--stop-grace-seconds=1', '--spare-runners=0', ...flags];
    const [file = '', ...args] = [...launcher, process.execPath, EXECUTOR_PROGRAM, ...settings];
    const child = spawn(file, args, { cwd: home, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
    let written = '';
    child.stderr.on('data', (text) => (written += String(text)));
    let last = '';
    for await (last of createInterface({ input: child.stderr })) {
      const event = JSON.parse(last) as { readonly msg: string; readonly port: number; readonly execdPort?: number };
      if (event.msg === 'listening') {
        child.stderr.resume();
        return new ExecutorProcess(child, event.port, home, () => written, event.execdPort);
      }
    }
    rmSync(home, { recursive: true, force: true });
    throw new Error(`expected the executor to listen, got its end: ${last}`);
  }

  /** The started program: the server, or the first process of a container. */
  get pid(): number {
    return this.child.pid ?? NaN;
  }

  get dataDir(): string {
    return join(this.home, 'data');
  }

  async request<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { method, body: text });
    const answer = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(answer) : answer) as T };
  }

  /** POST /setTasks that must succeed. */
  async set(...tasks: readonly unknown[]): Promise<readonly ExecutorTask[]> {
    const { status, body } = await this.request<readonly ExecutorTask[]>('POST', '/setTasks', tasks);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body;
  }

  async list(): Promise<readonly ExecutorTask[]> {
    return (await this.request<readonly ExecutorTask[]>('GET', '/getTasks')).body;
  }

  /** Long-polls until the list is as wanted, and returns it. */
  async until(isWanted: (tasks: readonly ExecutorTask[]) => boolean): Promise<readonly ExecutorTask[]> {
    const deadline = performance.now() + PATIENCE_SECONDS * 1000;
    for (let revision = ''; ; ) {
      const { headers, body } = await this.request<readonly ExecutorTask[]>('GET', `/getTasks?after=${revision}&wait=5`);
      if (isWanted(body)) {
        return body;
      }
      if (performance.now() > deadline) {
        throw new Error(`expected another list of tasks within ${PATIENCE_SECONDS} s, got ${JSON.stringify(body)}`);
      }
      revision = headers.get(REVISION_HEADER) ?? '';
    }
  }

  /** Waits for the end of the first task. */
  async ended(): Promise<NonNullable<NonNullable<ExecutorTask['processStatus']>['terminated']>> {
    const [first] = await this.until((tasks) => tasks[0]?.processStatus?.terminated !== undefined);
    const terminated = first?.processStatus?.terminated;
    if (terminated === undefined) {
      throw new Error('expected a task');
    }
    return terminated;
  }

  /** Waits until the first task runs. */
  async running(): Promise<void> {
    await this.until((tasks) => tasks[0]?.processStatus?.running !== undefined);
  }

  /** Output of a task from `offset` on, waited for. */
  log(name: string, query = ''): Promise<Answer<string>> {
    return this.request('GET', `/tasks/${name}/logs?wait=20${query}`);
  }

  /** Pid of a task's first process, or of its runner, from the records. */
  pidOf(name: string, which: 'leader' | 'runner'): number {
    const file = which === 'leader' ? 'process.json' : 'task.json';
    const record = JSON.parse(readFileSync(join(this.dataDir, name, file), 'utf8')) as Record<string, { readonly pid: number }>;
    return record[which]?.pid ?? NaN;
  }

  /** Ends the server by a signal and waits for its end. */
  async kill(signal: NodeJS.Signals): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.child.once('exit', resolve));
    this.child.kill(signal);
    return this.child.exitCode ?? ended;
  }

  /** The next server on the same data. */
  async restart(signal: NodeJS.Signals, flags: readonly string[] = []): Promise<ExecutorProcess> {
    await this.kill(signal);
    return ExecutorProcess.start(flags, this.home);
  }

  /** Ends tasks and server, and deletes everything. */
  async clean(): Promise<void> {
    await this.request('POST', '/reset', {});
    await this.kill('SIGTERM');
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Whether a process runs: not gone, and not a zombie that only waits to be reaped. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Signals a process, if it is still there. */
export function signalAny(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
