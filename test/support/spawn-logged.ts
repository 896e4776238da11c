import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { programCommand } from '../../local/programs';

/** Where a program runs, and where its output goes. */
export interface LoggedOptions {
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** File that standard output and error are added to. */
  readonly logPath: string;
}

/** A program whose output goes to a file. */
export interface LoggedProcess {
  readonly child: ChildProcess;
  /** Resolves when it has ended, in whatever way. */
  readonly ended: Promise<unknown>;
}

/** Starts a program. */
export function spawnLogged([file = '', ...args]: readonly string[], { env, logPath }: LoggedOptions): LoggedProcess {
  const log = openSync(logPath, 'a', 0o600);
  const child = spawn(file, args, { env, stdio: ['ignore', log, log] });
  closeSync(log);
  return { child, ended: once(child, 'exit') };
}

/** Starts the operator as it is bundled. @throws Error when it has not been bundled */
export function spawnOperator(flags: readonly string[], options: LoggedOptions): LoggedProcess {
  return spawnLogged([...programCommand('sandbox-operator'), ...flags], options);
}

/** The last lines of a log. */
export function lastLogLines(logPath: string, count: number): readonly string[] {
  return readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-count);
}
