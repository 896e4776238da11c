import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { removeCluster } from './cluster-folder';
import { programCommand } from './programs';

/** Hidden first argument that makes the program the reaper of a cluster. */
export const REAP_COMMAND = 'reap-cluster';

/**
 * A process that outlives ours by a moment and removes the cluster, however ours ends.
 *
 * It holds a pipe to us. The kernel closes the pipe when we end, by `kill -9` too.
 */
export interface Reaper {
  /**
   * Has the cluster removed now.
   *
   * @throws Error when something of it is left
   */
  finish(): Promise<void>;
}

/** Starts the reaper of the cluster `id` under `root`. */
export async function startReaper(root: string, id: string): Promise<Reaper> {
  const [program, ...args] = programCommand('sandboxes');
  // In a session of its own: Ctrl-C in the terminal reaches us, not the reaper.
  const child = spawn(program, [...args, REAP_COMMAND, root, id], { cwd: '/', detached: true, env: {}, stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  const exited = once(child, 'exit');
  child.unref();
  return {
    finish: async () => {
      child.ref();
      child.stdin.end();
      await exited;
      if (existsSync(join(root, id))) await removeCluster(root, id);
    },
  };
}

/** What the reaper does: waits for the end of its owner, then removes the cluster. */
export async function reapCluster(root: string, id: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.stdin.resume();
  await once(process.stdin, 'end');
  await removeCluster(root, id);
}
