import { resolve } from 'node:path';
import type { TaskRecord } from './records';
import type { RunOrder } from './runner-protocol';
import type { ExecutorProcess } from '../../src/schema/executor-api';
import { EnvVar } from '../../src/schema/names';

/** How the command of a task becomes a process; one implementation for each place that a task can run in. */
export interface Launcher {
  readonly mode: 'host' | 'sidecar';
  /** Everything that the runner needs, except what belongs to the executor's own settings. */
  plan(task: TaskRecord): Pick<RunOrder, 'argv' | 'env' | 'workingDir' | 'mainContainer'>;
}

/**
 * Runs tasks beside the executor: same user, same file system.
 *
 * @param baseEnv environment of every task, below its own variables
 * @param baseDir working directory of a task that names none, and the base of a relative one
 */
export function hostLauncher(baseEnv: Readonly<Record<string, string>>, baseDir: string): Launcher {
  return {
    mode: 'host',
    plan: ({ id, process }) => ({
      argv: argvOf(process),
      env: { ...baseEnv, ...variablesOf(process), [EnvVar.taskId]: id },
      workingDir: resolve(baseDir, process.workingDir ?? ''),
    }),
  };
}

/** Longest wait of a task for the main container, in seconds (rule 5). */
export const MAIN_WAIT_SECONDS = 60;

/**
 * Runs tasks in another container of the pod, as if its main process had started them.
 *
 * @param mainContainer its name, as its processes have it in SANDBOX_MAIN_CONTAINER
 * @param ownsContainer whether the executor has a container to itself
 */
export function sidecarLauncher(mainContainer: string, ownsContainer: boolean): Launcher {
  return {
    mode: 'sidecar',
    plan: ({ id, process }) => ({
      argv: argvOf(process),
      env: { ...variablesOf(process), [EnvVar.taskId]: id },
      workingDir: process.workingDir ?? '',
      mainContainer: { name: mainContainer, isInOtherCgroup: ownsContainer, waitSeconds: MAIN_WAIT_SECONDS },
    }),
  };
}

const argvOf = ({ command, args }: TaskRecord['process']): string[] => [...(command ?? []), ...(args ?? [])];

/** Variables of a task's process. Later entries win; a name that is empty is no variable. */
export function variablesOf({ env }: ExecutorProcess): Record<string, string> {
  return Object.fromEntries((env ?? []).filter(({ name }) => name !== '').map(({ name, value }) => [name, value ?? '']));
}
