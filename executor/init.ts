/**
 * How a server talks with the init of its container, sandbox-executor-init.pl: the first process of the image, which starts the server
 * again when that ends.
 */

/**
 * Tells a server that its container goes away: it ends all tasks, records the results and ends (rule 14). A signal that does nothing to
 * a server that does not listen for it yet: its end would end the container, and the tasks without a record.
 */
export const END_TASKS_SIGNAL = 'SIGURG';

/**
 * In the environment of a server: `true` when it has its container to itself, so that what its cgroup holds was started by its tasks, or
 * put into the container by somebody (`kubectl exec`, a probe that runs a program).
 */
export const OWNS_CONTAINER = 'EXECUTOR_OWNS_CONTAINER';

/** In the environment of a server: pid of its init. */
export const INIT_PID = 'EXECUTOR_INIT_PID';

/** Tells the init, if there is one, that tasks may run from now on: whatever ends this server, the next one has to follow. */
export function announceServing(env: Readonly<Record<string, string | undefined>>): void {
  if (env[INIT_PID] === String(process.ppid)) {
    process.kill(process.ppid, 'SIGUSR1');
  }
}
