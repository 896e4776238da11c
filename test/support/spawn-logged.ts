import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot, programCommand } from '../../local/programs';

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

/** Starts the operator as its image does, with the Node of this machine. @throws Error when it has not been bundled */
export function spawnOperator(flags: readonly string[], { env, logPath }: LoggedOptions): LoggedProcess {
  const image = readFileSync(join(packageRoot(), 'images/operator/Containerfile'), 'utf8');
  const [, settings = ''] = /^ENV (.*)$/m.exec(image) ?? [];
  const [, entrypoint = '[]'] = /^ENTRYPOINT (.*)$/m.exec(image) ?? [];
  const ofNode = (JSON.parse(entrypoint) as readonly string[]).slice(1, -1);
  const [node, program] = programCommand('sandbox-operator');
  const imageEnv = Object.fromEntries(settings.split(' ').map((setting) => setting.split('=')));
  return spawnLogged([node, ...ofNode, program, ...flags], { env: { ...imageEnv, ...env }, logPath });
}

/** The last lines of a log. */
export function lastLogLines(logPath: string, count: number): readonly string[] {
  return readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-count);
}
