import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { programCommand } from '../../local/programs';

/** How a run of the program ended. */
export interface ProgramResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program `sandboxes` as people run it. */
export interface RunningProgram {
  readonly child: ChildProcess;
  /** What it has written to standard output so far. */
  stdout(): string;
  readonly ended: Promise<ProgramResult>;
}

/** What `sandboxes up --server --json` says of its cluster. */
export interface ClusterReport {
  readonly kubeconfig: string;
  readonly lifecycle: { readonly domain: string; readonly apiKey: string };
}

/** Starts the program; `env` is added to the environment of the test. */
export function startSandboxes(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningProgram {
  const [program, ...first] = programCommand('sandboxes');
  const child = spawn(program, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (written.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (written.stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null, ...written }));
  return { child, stdout: () => written.stdout, ended };
}

/** Runs the program to its end. */
export function runSandboxes(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<ProgramResult> {
  return startSandboxes(args, env).ended;
}
