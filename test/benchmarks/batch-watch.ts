import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Annotation } from '../../src/schema/names';
import { endpointsOf } from '../support/space';
import type { BareClient } from './bare-client';
import { ObjectWatch } from './object-watch';

/** Stands in a batch that has published addresses; managed fields name the key with `f:` in front. */
const PUBLISHED = `"${Annotation.endpoints}":"`;

/** Watches the batches of a namespace. @param path of them */
export function watchBatches(client: BareClient, path: string): Promise<ObjectWatch<BatchSandbox>> {
  return ObjectWatch.open(client, path, (line) => line.includes(PUBLISHED));
}

/** When a batch is allocated and ready in full, with an address for each sandbox; to be called before its creation. */
export function untilDelivered(watch: ObjectWatch<BatchSandbox>, name: string, replicas: number): Promise<number> {
  return watch.until(name, `batch '${name}' delivered`, (batch) => isDelivered(batch, replicas));
}

function isDelivered(batch: BatchSandbox, replicas: number): boolean {
  const { status } = batch;
  if (status?.allocated !== replicas || status.ready !== replicas) return false;
  const endpoints = endpointsOf(batch);
  return endpoints.length === replicas && !endpoints.includes('');
}
