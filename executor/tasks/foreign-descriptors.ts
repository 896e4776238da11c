import { closeSync, readdirSync, readFileSync } from 'node:fs';

const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes what came down from the executor's own parents: Node keeps only the low ones of it from what it starts (rule 28).
 *
 * @param lastOwn descriptors up to this one are ours
 */
export function closeForeignDescriptors(lastOwn: number): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number).filter((fd) => fd > lastOwn)) {
    try {
      const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
      if ((Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) {
        closeSync(fd);
      }
    } catch {
      // The descriptor of the listing itself, closed by now.
    }
  }
}
