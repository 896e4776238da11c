import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLUSTER_MARKER } from '../../local/nodes/marked-processes';
import { SYSTEM_PATH } from './run-ok';

/** For the programs that are written in Go: they collect garbage less often, which saves a sixth of the processor time of a start. */
const GO_SETTINGS = { GOGC: '400', GOMEMLIMIT: '1GiB' };

/** Running programs of one cluster; each carries the cluster's id and writes a log. */
export class ClusterPrograms {
  /** Rejects, with the last lines of its log, when a program ends unexpectedly; never resolves. */
  readonly failed: Promise<never>;
  private reportFailure: (error: Error) => void = () => undefined;
  private readonly ends: Promise<unknown>[] = [];
  private readonly running = new Map<string, { readonly child: ChildProcess; readonly command: readonly string[]; readonly ended: Promise<unknown> }>();
  /** Programs whose end was wanted. */
  private readonly killed = new Set<ChildProcess>();
  private endExpected = false;

  /**
   * @param folder where the logs are written
   * @param id of the cluster, by which the reaper finds the programs
   */
  constructor(
    private readonly folder: string,
    private readonly id: string,
  ) {
    this.failed = new Promise((_resolve, reject) => (this.reportFailure = reject));
    this.failed.catch(() => undefined); // nobody listens once the cluster has started
  }

  /** Starts a program under a name of its own. @throws Error once the end is expected: nobody would end the program */
  start(name: string, command: readonly string[]): void {
    const [program = '', ...args] = command;
    if (this.endExpected) throw new Error(`${name}: expected no start after the end of the cluster '${this.id}'`);
    const log = openSync(join(this.folder, `${name}.log`), 'a', 0o600);
    const env = { [CLUSTER_MARKER]: this.id, HOME: this.folder, PATH: SYSTEM_PATH, ...GO_SETTINGS };
    const child = spawn(program, args, { cwd: this.folder, env, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    child.once('error', (error) => this.reportFailure(error));
    const ended = once(child, 'exit').then(() => this.noteEnd(name, child));
    this.ends.push(ended);
    this.running.set(name, { child, command, ended });
  }

  /** Kills programs that were started here, all at once by SIGKILL, and starts them again in this order, as they were. */
  async restart(names: readonly string[]): Promise<void> {
    const programs = names.map((name) => {
      const program = this.running.get(name);
      if (program === undefined) throw new Error(`${name}: expected a program of this cluster '${this.id}', got none`);
      return { name, ...program };
    });
    for (const { child } of programs) {
      this.killed.add(child);
      child.kill('SIGKILL');
    }
    await Promise.all(programs.map(({ ended }) => ended));
    for (const { name, command } of programs) this.start(name, command);
  }

  /** From now on, the end of a program is no failure. */
  expectEnd(): void {
    this.endExpected = true;
  }

  /** Resolves when all programs have ended. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.ends);
  }

  private noteEnd(name: string, child: ChildProcess): void {
    if (this.endExpected || this.killed.has(child)) return;
    const { exitCode, signalCode } = child;
    const lastLines = readFileSync(join(this.folder, `${name}.log`), 'utf8').trimEnd().split('\n').slice(-5).join('\n');
    this.reportFailure(new Error(`${name}: expected it to run, got exit code ${String(exitCode ?? signalCode)}:\n${lastLines}`));
  }
}
