import type { Pod } from '../../../src/schema/kubernetes';
import { API_VERSION, Label } from '../../../src/schema/names';
import { untilDelivered } from '../batch-watch';
import { roundsFor, type Scenario } from '../scenario';
import { samplePod, untilNoPods } from '../spare-pool';
import { POD_TEMPLATE } from '../warm-pool';
import { countedNames } from './deliver';

/** One batch without a pool: from its creation until all its pods are Ready and published. The loop makes as many bare pods. */
export function coldScenario(replicas: number): Scenario {
  return {
    name: `cold-${replicas}`,
    title: `cold batch of ${replicas.toLocaleString('en')}`,
    group: 'cold',
    size: replicas,
    target: 1.15,
    rounds: roundsFor(replicas),
    warmUps: 1,
    open: async (stage) => {
      const { client, space, watch } = stage;
      const names = countedNames(`cold-${replicas}`);
      const handMade = await stage.handMadePods();
      let sample: Pod | undefined;
      return {
        controller: {
          play: async () => {
            const name = names();
            const selector = `${Label.batchName}=${name}`;
            const delivered = untilDelivered(watch, name, replicas);
            const manifest = JSON.stringify({ apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name }, spec: { replicas, template: POD_TEMPLATE } });
            const startedMs = performance.now();
            await client.send('POST', space.path('BatchSandbox'), manifest);
            const ms = (await delivered) - startedMs;
            const cleanUp = async () => {
              sample ??= await samplePod(stage, selector);
              await client.send('DELETE', space.path('BatchSandbox', name));
              await untilNoPods(stage, selector);
            };
            return { ms, cleanUp };
          },
        },
        loop: {
          play: async () => {
            const startedMs = performance.now();
            const { atMs } = await handMade.make(replicas, sample);
            return { ms: atMs - startedMs, cleanUp: () => handMade.removeAll() };
          },
        },
      };
    },
  };
}
