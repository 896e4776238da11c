import { BATCHES } from '../operator/kube/resource-types';
import { Annotation } from '../src/schema/names';
import { chooseCluster } from './chosen-cluster';
import type { CommandContext } from './command';
import { ExecutorReader, type TaskStream } from './executor-reader';

export interface LogsOptions {
  /** @default - KUBECONFIG, then ~/.kube/config */
  readonly kubeconfig?: string;
  /** @default - the namespace of the kubeconfig, or `default` */
  readonly namespace?: string;
  readonly stream: TaskStream;
}

/**
 * Prints what a task on an embedded cluster has written so far.
 *
 * @param task `<batch>-<slot>`
 * @throws Error when the cluster has no such sandbox, or its executor no such task
 */
export async function logs(task: string, { kubeconfig, namespace: wanted, stream }: LogsOptions, context: CommandContext): Promise<void> {
  const [, name, slot] = /^(.+)-(\d+)$/.exec(task) ?? [];
  if (name === undefined || slot === undefined) throw new Error(`logs: expected a task such as dice-0, the name of a batch and a slot, got '${task}'`);
  const { api, namespace: own } = await chooseCluster(kubeconfig, context);
  const batch = await api.get(BATCHES, { name, namespace: wanted ?? own }, context);
  const addresses = JSON.parse(batch.metadata.annotations?.[Annotation.endpoints] ?? '[]') as readonly string[];
  const address = addresses[Number(slot)] ?? '';
  if (address === '') throw new Error(`logs: task '${task}': expected a sandbox with an address, got none; kubectl describe batchsandbox ${name} says why`);
  const reader = await ExecutorReader.open(api, context.signal).catch((error: unknown) => {
    throw new Error(`logs: expected an embedded cluster, got another: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  const text = await reader.readOutput(address, task, stream, context.signal);
  if (text !== '') context.print(text.replace(/\n$/, ''));
}
