import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Annotation } from '../../src/schema/names';
import { endpointsOf } from '../support/space';
import type { BareClient } from './bare-client';
import { within } from './within';

/** Stands in a batch that has published addresses; managed fields name the key with `f:` in front. */
const PUBLISHED = `"${Annotation.endpoints}":"`;
const DELETED = '{"type":"DELETED"';

interface Waiter {
  readonly isOver: (batch: BatchSandbox, deleted: boolean) => boolean;
  readonly resolve: (atMs: number) => void;
}

/**
 * What a client sees of the batches of a namespace, with the moment at which the last byte of it came, by `performance.now()`.
 *
 * A line that can be no news is not parsed: the batch of 10,000 comes three times, and the time for it would be taken from the measured.
 */
export class BatchWatch {
  private readonly waiters = new Map<string, Waiter>();
  private failed: Promise<never> = new Promise(() => undefined);

  private constructor() {}

  /** @param path of the batches of a namespace */
  static async open(client: BareClient, path: string): Promise<BatchWatch> {
    const watch = new BatchWatch();
    ({ failed: watch.failed } = await client.watch(path, (line) => watch.take(line)));
    return watch;
  }

  /** When a batch is allocated and ready in full, with an address for each sandbox; to be called before its creation. */
  untilDelivered(name: string, replicas: number, withinMs?: number): Promise<number> {
    return this.wait(name, `batch '${name}' delivered`, (batch, deleted) => !deleted && isDelivered(batch, replicas), withinMs);
  }

  /** When a batch is gone; to be called before its deletion. */
  untilGone(name: string, withinMs?: number): Promise<number> {
    return this.wait(name, `batch '${name}' gone`, (_batch, deleted) => deleted, withinMs);
  }

  private wait(name: string, what: string, isOver: Waiter['isOver'], withinMs?: number): Promise<number> {
    const seen = new Promise<number>((resolve) => this.waiters.set(name, { isOver, resolve }));
    return within(Promise.race([seen, this.failed]), what, withinMs);
  }

  private take(line: Buffer): void {
    const atMs = performance.now();
    const deleted = line.subarray(0, DELETED.length).equals(Buffer.from(DELETED));
    if (!deleted && !line.includes(PUBLISHED)) return;
    const { object } = JSON.parse(line.toString()) as { readonly object: BatchSandbox };
    const waiter = this.waiters.get(object.metadata.name);
    if (waiter?.isOver(object, deleted) !== true) return;
    this.waiters.delete(object.metadata.name);
    waiter.resolve(atMs);
  }
}

function isDelivered(batch: BatchSandbox, replicas: number): boolean {
  const { status } = batch;
  if (status?.allocated !== replicas || status.ready !== replicas) return false;
  const endpoints = endpointsOf(batch);
  return endpoints.length === replicas && !endpoints.includes('');
}
