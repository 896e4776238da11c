import type { Pod } from '../../../src/schema/kubernetes';
import type { HandMadePod } from '../hand-made-pods';
import { roundsFor, type Scenario } from '../scenario';
import { SparePool } from '../spare-pool';
import { Deliveries } from './deliver';

/**
 * A batch from a pool that deletes returned pods: from its deletion until it is gone. The pool makes no new pods meanwhile; the loop deletes as many pods of its
 * own, and then lets its batch go.
 */
export function deletionScenario(replicas: number): Scenario {
  return {
    name: `delete-${replicas}`,
    title: `deletion of ${replicas.toLocaleString('en')}`,
    group: 'deletion',
    size: replicas,
    target: 1.3,
    rounds: roundsFor(replicas),
    warmUps: 1,
    open: async (stage) => {
      const pool = await SparePool.create(stage, `spare-${replicas}`);
      const handMade = await stage.handMadePods();
      const deliveries = new Deliveries(stage, `delete-${replicas}`, replicas, pool.name);
      let sample: Pod | undefined;
      let name = '';
      let nameByHand = '';
      let pods: readonly HandMadePod[] = [];
      return {
        controller: {
          prepare: async () => {
            await pool.fill(replicas);
            sample ??= await pool.sample();
            ({ name } = await deliveries.deliver());
            await deliveries.remember(name);
            await pool.starve();
          },
          play: async () => ({ ms: await deliveries.remove(name), cleanUp: () => pool.untilEmpty() }),
        },
        loop: {
          prepare: async () => {
            ({ pods } = await handMade.make(replicas, sample));
            ({ name: nameByHand } = await deliveries.deliverByHand());
          },
          play: async () => ({ ms: await deliveries.removeByHand(nameByHand, () => handMade.delete(pods)), cleanUp: () => handMade.untilNone() }),
        },
        close: () => pool.remove(),
      };
    },
  };
}
