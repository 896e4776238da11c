import { runProgram } from './run-program';

/** Where the programs of a machine are; administrators' ones too. */
export const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs a program of the machine and returns what it printed.
 *
 * @throws Error with what it said, when its exit code is not 0
 */
export async function runOk(program: string, args: readonly string[], input = ''): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(program, args, { PATH: SYSTEM_PATH }, input);
  if (exitCode !== 0) throw new Error(`${[program, ...args].join(' ')}: expected exit code 0, got ${exitCode}: ${stderr.trim()}`);
  return stdout;
}
