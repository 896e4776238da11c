import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program to run to its end. */
export interface ChildProgram {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Most text of a failed program that goes into an error message, in characters: enough for a list of synth problems. */
const MAX_ERROR_TEXT = 8_000;

/**
 * Runs a program and returns its standard output.
 *
 * @throws Error with what it wrote to standard error when it ends with another code than 0
 */
export async function childOutput({ argv, cwd, env, signal }: ChildProgram): Promise<string> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], signal });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) return Buffer.concat(output).toString();
  const said = Buffer.concat(errors).toString().trim().slice(0, MAX_ERROR_TEXT);
  throw new Error(`'${argv.join(' ').slice(0, 200)}': expected exit code 0, got ${String(code)}: ${said}`);
}
