import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { constants } from 'node:os';

/** What a command asks of the first process of its container. */
export type InitSignal = { readonly signal: number } | 'unclear';

/**
 * Reads `kill 1`, `kill -TERM 1`, `kill -s TERM 1` and the like; undefined for every other command.
 *
 * In a container, process 1 is its own first process. Here it would be that of this machine, so such a command is never run as it is: what
 * cannot be read is `unclear`.
 */
export function toInitSignal([program = '', ...args]: readonly string[]): InitSignal | undefined {
  if (basename(program) !== 'kill' || !args.includes('1')) return undefined;
  const words = args.filter((word) => word !== '--');
  const options = words.slice(0, -1);
  if (words.at(-1) !== '1' || options.length > 2) return 'unclear';
  const [first = '-TERM', second] = options;
  const name = second === undefined ? /^-(\w+)$/.exec(first)?.[1] : first === '-s' || first === '-n' ? second : undefined;
  const signal = name === undefined ? undefined : toNumber(name);
  return signal === undefined ? 'unclear' : { signal };
}

function toNumber(name: string): number | undefined {
  if (/^[1-9]\d?$/.test(name)) return Number(name);
  const known = name.toUpperCase().replace(/^(?!SIG)/, 'SIG');
  return (constants.signals as Readonly<Record<string, number>>)[known];
}

/**
 * Whether a process has a handler for a signal. Linux drops every signal that the first process of a container gets from within, if it has none:
 * KILL always, and TERM to a plain `sleep`.
 *
 * @see https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
 */
export function hasHandler(pid: number, signal: number): boolean {
  try {
    const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'latin1'))?.[1] ?? '0';
    return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false; // it has ended
  }
}
