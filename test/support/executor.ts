import type { ExecutorTask } from '../../src/schema/executor-api';
import type { Target } from './target';

/** All that a task has written to its standard output so far. */
export async function readTaskOutput(target: Target, ip: string, task: string): Promise<string> {
  const answer = await fetch(`${target.executorUrl(ip)}/tasks/${task}/logs`);
  if (answer.status !== 200) throw new Error(`log of task '${task}': expected status 200, got ${answer.status}: ${await answer.text()}`);
  return answer.text();
}

/** Tasks that the executor of a pod holds. */
export async function readTasks(target: Target, ip: string): Promise<readonly ExecutorTask[]> {
  return (await (await fetch(`${target.executorUrl(ip)}/getTasks`)).json()) as ExecutorTask[];
}
