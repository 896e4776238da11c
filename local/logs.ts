import { BATCHES } from '../operator/kube/resource-types';
import { Annotation } from '../src/schema/names';
import { chooseCluster } from './chosen-cluster';
import type { CommandContext } from './command';
import { ExecutorReader, type TaskStream } from './executor-reader';
import { readOperatorKeys } from './signing-secret';

export interface LogsOptions {
  /** @default - KUBECONFIG, then ~/.kube/config */
  readonly kubeconfig?: string;
  /** @default - the namespace of the kubeconfig, or `default` */
  readonly namespace?: string;
  /** @default - the one that has the operator's Secret */
  readonly operatorNamespace?: string;
  readonly stream: TaskStream;
}

/**
 * Prints what a task has written so far. This machine must reach the pods, and the user must be allowed to read the Secret of the operator.
 *
 * @param task `<batch>-<slot>`
 * @throws Error when the cluster has no such sandbox, or its executor no such task
 */
export async function logs(task: string, { kubeconfig, namespace: wanted, operatorNamespace, stream }: LogsOptions, context: CommandContext): Promise<void> {
  const [, name, slot] = /^(.+)-(\d+)$/.exec(task) ?? [];
  if (name === undefined || slot === undefined) throw new Error(`logs: expected a task such as dice-0, the name of a batch and a slot, got '${task}'`);
  const { api, namespace: own } = await chooseCluster(kubeconfig, context);
  const namespace = wanted ?? own;
  const batch = await api.get(BATCHES, { name, namespace }, context);
  const addresses = JSON.parse(batch.metadata.annotations?.[Annotation.endpoints] ?? '[]') as readonly string[];
  const address = addresses[Number(slot)] ?? '';
  if (address === '') throw new Error(`logs: task '${task}': expected a sandbox with an address, got none; kubectl describe batchsandbox ${name} says why`);
  const keys = await readOperatorKeys(api, context.signal, operatorNamespace).catch((error: unknown) => {
    const got = error instanceof Error ? error.message : String(error);
    throw new Error(`logs: expected to read the key of the operator, got an error: ${got}; --operator-namespace says where it is`, { cause: error });
  });
  const reader = await ExecutorReader.open(api, keys, context.signal, namespace);
  const text = await reader.readOutput(address, task, stream, context.signal);
  if (text !== '') context.print(text.replace(/\n$/, ''));
}
