import type { Scenario } from '../scenario';
import { Deliveries } from './deliver';

/** One batch from a warm pool: from its creation until a watch shows it allocated, ready and published in full. */
export function batchScenario(replicas: number): Scenario {
  return {
    name: `batch-${replicas}`,
    title: `one batch of ${replicas.toLocaleString('en')}`,
    group: 'batch',
    size: replicas,
    target: 1.3,
    rounds: 15,
    warmUps: 3,
    open: async (stage) => {
      await stage.warm.have(replicas);
      const deliveries = new Deliveries(stage, `batch-${replicas}`, replicas);
      return {
        controller: {
          play: async () => {
            const { name, ms } = await deliveries.deliver();
            const cleanUp = async () => {
              await deliveries.remember(name);
              await deliveries.remove(name);
              await stage.warm.untilIdle();
            };
            return { ms, cleanUp };
          },
        },
        loop: {
          play: async () => {
            const { name, ms } = await deliveries.deliverByHand();
            return { ms, cleanUp: () => deliveries.removeHandMade(name) };
          },
        },
      };
    },
  };
}
