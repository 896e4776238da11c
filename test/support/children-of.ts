import { readFileSync } from 'node:fs';

/** Pids of the children of a living process. */
export function childrenOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  return children.filter((child) => child !== '').map(Number);
}
