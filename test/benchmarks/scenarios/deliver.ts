import { API_VERSION } from '../../../src/schema/names';
import { untilDelivered } from '../batch-watch';
import { DROP_FINALIZERS, removeHandMade, Replay } from '../replay';
import type { Stage } from '../stage';

/** Names of objects of one scenario, each another. */
export function countedNames(prefix: string): () => string {
  let count = 0;
  return () => `${prefix}-${String((count += 1)).padStart(5, '0')}`;
}

/** Deliveries from a warm pool, by the controller of a stage and by hand. */
export class Deliveries {
  private replay: Replay | undefined;
  private readonly names: () => string;

  /**
   * @param prefix of the names of the batches
   * @param poolRef name of the pool
   */
  constructor(
    private readonly stage: Stage,
    prefix: string,
    private readonly replicas: number,
    private readonly poolRef = stage.warm.name,
  ) {
    this.names = countedNames(prefix);
  }

  /** Has the controller deliver a batch; its name, and how long it took. */
  async deliver(): Promise<{ readonly name: string; readonly ms: number }> {
    const { client, space, watch } = this.stage;
    const name = this.names();
    const delivered = untilDelivered(watch, name, this.replicas);
    const startedMs = performance.now();
    await client.send('POST', space.path('BatchSandbox'), this.manifest(name));
    return { name, ms: (await delivered) - startedMs };
  }

  /** Does the same by hand, with what the controller wrote for a batch that {@link remember} was told of. */
  async deliverByHand(): Promise<{ readonly name: string; readonly ms: number }> {
    const { client, loop, loopSpace, loopWatch } = this.stage;
    if (this.replay === undefined) throw new Error('loop: expected a batch of the controller to replay, got none');
    const name = this.names();
    const delivered = untilDelivered(loopWatch, name, this.replicas);
    const startedMs = performance.now();
    const created = await client.send('POST', loopSpace.path('BatchSandbox'), this.manifest(name), { metadataOnly: true });
    await this.replay.write(loop, loopSpace.path('BatchSandbox', name), created);
    return { name, ms: (await delivered) - startedMs };
  }

  /** Takes a delivered batch as the one to be made by hand. */
  async remember(name: string): Promise<void> {
    this.replay = Replay.of(await this.stage.space.get('BatchSandbox', name));
  }

  /** Deletes a batch of the controller and waits until it is gone; how long that took, in ms. */
  async remove(name: string): Promise<number> {
    const { client, space, watch } = this.stage;
    const gone = watch.untilGone(name);
    const startedMs = performance.now();
    await client.send('DELETE', space.path('BatchSandbox', name));
    return (await gone) - startedMs;
  }

  /**
   * Deletes a batch that was made by hand, does what is to be done before it may go, and lets it go; how long that took, in ms.
   */
  async removeByHand(name: string, before: () => Promise<void>): Promise<number> {
    const { client, loop, loopSpace, loopWatch } = this.stage;
    const path = loopSpace.path('BatchSandbox', name);
    const gone = loopWatch.untilGone(name);
    const startedMs = performance.now();
    await client.send('DELETE', path, undefined, { metadataOnly: true });
    await before();
    await loop.patch(path, DROP_FINALIZERS);
    return (await gone) - startedMs;
  }

  /** Removes a batch that was made by hand. */
  removeHandMade(name: string): Promise<void> {
    return removeHandMade(this.stage, name);
  }

  private manifest(name: string): string {
    return JSON.stringify({ apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name }, spec: { replicas: this.replicas, poolRef: this.poolRef } });
  }
}
