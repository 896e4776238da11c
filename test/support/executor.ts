import { readSigningKey, type SignedRequest, signExecutorToken } from '../../src/program/executor-token';
import type { ExecutorTask, ExecutorTaskRequest } from '../../src/schema/executor-api';
import { SIGNING_SECRET, SIGNING_SECRET_KEY } from '../../src/schema/names';
import type { Target } from './target';

/** All that a task has written to its standard output so far. */
export async function readTaskOutput(target: Target, ip: string, task: string): Promise<string> {
  const answer = await askExecutor(target, ip, `/tasks/${task}/logs`);
  if (answer.status !== 200) throw new Error(`log of task '${task}': expected status 200, got ${answer.status}: ${await answer.text()}`);
  return answer.text();
}

/** Tasks that the executor of a pod holds. */
export async function readTasks(target: Target, ip: string): Promise<readonly ExecutorTask[]> {
  return (await (await askExecutor(target, ip, '/getTasks')).json()) as ExecutorTask[];
}

/** Makes the executor of a pod hold exactly these tasks, as the operator would. */
export async function setTasks(target: Target, ip: string, tasks: readonly ExecutorTaskRequest[]): Promise<void> {
  const answer = await askExecutor(target, ip, '/setTasks', JSON.stringify(tasks));
  if (answer.status !== 200) throw new Error(`setTasks: expected status 200, got ${answer.status}: ${await answer.text()}`);
}

/** A token for one request to the executor of a pod, as the operator signs it. */
export async function signAsOperator(target: Target, ip: string, request: SignedRequest): Promise<string> {
  const [secret, pod] = await Promise.all([
    findFirst<{ readonly data?: Readonly<Record<string, string>> }>(target, 'secrets', `metadata.name=${SIGNING_SECRET}`),
    findFirst<{ readonly metadata: { readonly uid: string } }>(target, 'pods', `status.podIP=${ip}`),
  ]);
  const key = await readSigningKey(Buffer.from(secret.data?.[SIGNING_SECRET_KEY] ?? '', 'base64').toString());
  return signExecutorToken(key, pod.metadata.uid, request, new Date());
}

/** What the executor of a pod answers to a request that is signed as the operator signs; with a body it is a POST. */
async function askExecutor(target: Target, ip: string, path: string, body?: string): Promise<Response> {
  const method = body === undefined ? 'GET' : 'POST';
  const token = await signAsOperator(target, ip, { method, path, body: body ?? '' });
  return fetch(`${target.executorUrl(ip)}${path}`, { method, body, headers: { authorization: `Bearer ${token}` } });
}

async function findFirst<T>(target: Target, plural: string, fieldSelector: string): Promise<T> {
  const { body } = await target.request<{ readonly items?: readonly T[] }>('GET', `/api/v1/${plural}?fieldSelector=${encodeURIComponent(fieldSelector)}`);
  const [first] = body.items ?? [];
  if (first === undefined) throw new Error(`${plural}: expected one with ${fieldSelector}, got none`);
  return first;
}
