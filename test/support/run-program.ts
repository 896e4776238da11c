import { spawn } from 'node:child_process';
import type { ProgramResult } from './target';

/** Longest run of a program, in ms. */
const LONGEST_RUN_MS = 200_000;

/** Runs a program to its end; an exit code of any value is a result. */
export function runProgram(program: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ''): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, timeout: LONGEST_RUN_MS, stdio: 'pipe' });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
    }
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ exitCode: code ?? -1, stdout: output.stdout, stderr: signal === null ? output.stderr : `${output.stderr}ended by ${signal}` }));
    child.stdin.on('error', () => undefined); // a program may end without reading
    child.stdin.end(input);
  });
}
