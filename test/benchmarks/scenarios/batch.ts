import { API_VERSION } from '../../../src/schema/names';
import type { Round, Scenario } from '../scenario';
import type { Stage } from '../stage';
import { removeHandMade, Replay } from '../replay';

/** Rounds: the small ones are short, and their times spread. */
const ROUNDS = 10;

/** One batch from a warm pool: from its creation until a watch shows it allocated, ready and published in full. */
export function batchScenario(replicas: number): Scenario {
  return {
    name: `batch-${replicas}`,
    title: `one batch of ${replicas.toLocaleString('en')}`,
    group: 'batch',
    target: 1.3,
    rounds: ROUNDS,
    warmUps: 3,
    open: async (stage) => {
      await stage.warm.have(replicas);
      const names = countedNames(`batch-${replicas}`);
      let replay: Replay | undefined;
      return {
        controller: async () => {
          const name = names();
          const round = await deliver(stage, name, replicas);
          return {
            ...round,
            cleanUp: async () => {
              replay = Replay.of(await stage.space.get('BatchSandbox', name));
              await removeBatch(stage, name);
              await stage.warm.untilIdle();
            },
          };
        },
        loop: () => {
          if (replay === undefined) throw new Error('loop: expected a batch of the controller to replay, got none');
          return deliverByHand(stage, names(), replicas, replay);
        },
        close: () => Promise.resolve(),
      };
    },
  };
}

/** Names of objects of one scenario, each another. */
export function countedNames(prefix: string): () => string {
  let count = 0;
  return () => `${prefix}-${String((count += 1)).padStart(4, '0')}`;
}

/** Manifest of a batch from the warm pool. */
export function pooledBatch(name: string, replicas: number, poolRef: string): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name }, spec: { replicas, poolRef } });
}

/** Creates a batch and waits for it. */
async function deliver({ client, space, watch, warm }: Stage, name: string, replicas: number): Promise<Pick<Round, 'ms'>> {
  const delivered = watch.untilDelivered(name, replicas);
  const startedMs = performance.now();
  await client.send('POST', space.path('BatchSandbox'), pooledBatch(name, replicas, warm.name));
  return { ms: (await delivered) - startedMs };
}

/** Creates a batch, writes what the controller wrote, and waits until the same watch shows it. */
async function deliverByHand(stage: Stage, name: string, replicas: number, replay: Replay): Promise<Round> {
  const { client, loop, loopSpace, loopWatch, warm } = stage;
  const delivered = loopWatch.untilDelivered(name, replicas);
  const startedMs = performance.now();
  const created = await client.send('POST', loopSpace.path('BatchSandbox'), pooledBatch(name, replicas, warm.name), { metadataOnly: true });
  await replay.write(loop, loopSpace.path('BatchSandbox', name), created);
  return { ms: (await delivered) - startedMs, cleanUp: () => removeHandMade(stage, name) };
}

/** Deletes a batch of the controller and waits until it is gone. */
export async function removeBatch({ client, space, watch }: Stage, name: string): Promise<void> {
  const gone = watch.untilGone(name);
  await client.send('DELETE', space.path('BatchSandbox', name));
  await gone;
}
