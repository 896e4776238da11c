import { inParallel } from '../../support/waiting';
import type { Scenario } from '../scenario';
import { Deliveries } from './deliver';

/** Batches that are under way at once: the next is created when one is delivered. */
const IN_FLIGHT = 64;

/** Many batches from a warm pool: from the first creation until the last is delivered, and each from its own creation on. */
export function burstScenario(count: number, replicas: number): Scenario {
  const places = Array.from({ length: count }, (_, place) => place);
  return {
    name: `burst-${count}x${replicas}`,
    title: `${count} batches of ${replicas}, ${IN_FLIGHT} in flight`,
    group: 'burst',
    size: count * replicas,
    target: 1.1,
    rounds: 9,
    warmUps: 1,
    open: async (stage) => {
      await stage.warm.have(count * replicas);
      const deliveries = new Deliveries(stage, `burst-${replicas}`, replicas);
      const burst = async (deliver: () => ReturnType<Deliveries['deliver']>) => {
        const startedMs = performance.now();
        const done = await inParallel(places, IN_FLIGHT, deliver);
        return { ms: performance.now() - startedMs, partsMs: done.map(({ ms }) => ms), names: done.map(({ name }) => name) };
      };
      return {
        controller: {
          play: async () => {
            const { names, ...round } = await burst(() => deliveries.deliver());
            const cleanUp = async () => {
              await deliveries.remember(names[0] ?? '');
              await inParallel(names, IN_FLIGHT, (name) => deliveries.remove(name));
              await stage.warm.untilIdle();
            };
            return { ...round, cleanUp };
          },
        },
        loop: {
          play: async () => {
            const { names, ...round } = await burst(() => deliveries.deliverByHand());
            return {
              ...round,
              cleanUp: async () => {
                await inParallel(names, IN_FLIGHT, (name) => deliveries.removeHandMade(name));
              },
            };
          },
        },
      };
    },
  };
}
