import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../../src/schema/kubernetes';
import { Label } from '../../../src/schema/names';
import type { Pool } from '../../../src/schema/pool';
import { elasticPool, fixedPool } from '../../support/pool-spec';
import { inParallel } from '../../support/waiting';
import { ObjectWatch } from '../object-watch';
import { roundsFor, type Scenario } from '../scenario';
import { samplePod, untilNoPods } from '../spare-pool';
import type { Stage } from '../stage';
import { median } from '../statistics';
import { POD_TEMPLATE, untilAvailable } from '../warm-pool';
import { countedNames, Deliveries } from './deliver';

/** A batch that is delivered while a pool is filled again, in sandboxes; a tenth of the pool where that is less. */
const MEANWHILE = 100;
/** Most of them in a round, and the time from the end of one to the next, in ms. */
const MOST_MEANWHILE = 10;
const PAUSE_MS = 250;

/** A new pool: from its creation until its status says that all pods are there. The loop makes as many bare pods. */
export function fillScenario(size: number): Scenario {
  return {
    name: `fill-${size}`,
    title: `a pool of ${size.toLocaleString('en')} from nothing`,
    group: 'pool',
    size,
    target: 1.2,
    rounds: roundsFor(size),
    warmUps: 1,
    open: async (stage) => {
      const { client, space } = stage;
      const names = countedNames(`fill-${size}`);
      const handMade = await stage.handMadePods();
      const watch = await ObjectWatch.open<Pool>(client, space.path('Pool'));
      let sample: Pod | undefined;
      return {
        controller: {
          play: async () => {
            const name = names();
            const selector = `${Label.poolName}=${name}`;
            const full = watch.until(name, `pool '${name}' full`, ({ status }) => status?.available === size);
            const startedMs = performance.now();
            await space.create('Pool', name, fixedPool(size, POD_TEMPLATE));
            const ms = (await full) - startedMs;
            const cleanUp = async () => {
              sample ??= await samplePod(stage, selector);
              await space.delete('Pool', name);
              await untilNoPods(stage, selector);
            };
            return { ms, cleanUp };
          },
        },
        loop: {
          play: async () => {
            const startedMs = performance.now();
            const { atMs } = await handMade.make(size, sample);
            return { ms: atMs - startedMs, cleanUp: () => handMade.removeAll() };
          },
        },
      };
    },
  };
}

/**
 * A batch takes all idle pods of a pool that keeps `size` of them: from its creation until there are as many again. Meanwhile batches of 100 are delivered
 * from another pool, one after the other.
 */
export function refillScenario(size: number): Scenario {
  return {
    name: `refill-${size}`,
    title: `refill of ${size.toLocaleString('en')} after a burst`,
    group: 'pool',
    size,
    target: 1.2,
    rounds: roundsFor(size),
    warmUps: 1,
    open: async (stage) => {
      const { client, space } = stage;
      const name = `refill-${size}`;
      const replicas = Math.min(MEANWHILE, Math.ceil(size / 10));
      await stage.warm.have(MOST_MEANWHILE * replicas);
      const capacity = { bufferMin: size, bufferMax: size, poolMin: 0, poolMax: 3 * size };
      await space.create('Pool', name, { ...elasticPool(capacity, POD_TEMPLATE), recycleStrategy: { type: 'Delete' } });
      await untilAvailable(space, name, size);
      const handMade = await stage.handMadePods();
      const watch = await ObjectWatch.open<Pool>(client, space.path('Pool'));
      const bursts = new Deliveries(stage, `refill-${size}`, size, name);
      const small = new Deliveries(stage, `refill-${size}-meanwhile`, replicas);
      const sample = await samplePod(stage, `${Label.poolName}=${name}`);
      return {
        controller: {
          play: async () => {
            const atRest = await small.deliver();
            const full = watch.until(name, `pool '${name}' full again`, ({ status }) => status?.available === size && status.allocated === size);
            const startedMs = performance.now();
            const burst = await bursts.deliver();
            const meanwhile = await deliverUntil(full, () => small.deliver());
            const ms = (await full) - startedMs;
            const cleanUp = async () => {
              await bursts.remember(burst.name);
              await small.remember(atRest.name);
              await inParallel([atRest, ...meanwhile], MOST_MEANWHILE, (one) => small.remove(one.name));
              await bursts.remove(burst.name);
              await untilAtRest(stage, name, size);
            };
            return { ms, more: figuresOf(atRest, meanwhile), cleanUp };
          },
        },
        loop: {
          play: async () => {
            const atRest = await small.deliverByHand();
            const startedMs = performance.now();
            const burst = await bursts.deliverByHand();
            const full = handMade.make(size, sample).then(({ atMs }) => atMs);
            const meanwhile = await deliverUntil(full, () => small.deliverByHand());
            const ms = (await full) - startedMs;
            const cleanUp = async () => {
              for (const one of [atRest, ...meanwhile]) await small.removeHandMade(one.name);
              await bursts.removeHandMade(burst.name);
              await handMade.removeAll();
            };
            return { ms, more: figuresOf(atRest, meanwhile), cleanUp };
          },
        },
        close: async () => {
          await space.delete('Pool', name);
          await untilNoPods(stage, `${Label.poolName}=${name}`);
        },
      };
    },
  };
}

interface Delivery {
  readonly name: string;
  readonly ms: number;
}

/** Delivers one after the other, at least one, until something has happened. */
async function deliverUntil(end: Promise<unknown>, deliver: () => Promise<Delivery>): Promise<readonly Delivery[]> {
  const deliveries: Delivery[] = [];
  let isOver = false;
  const over = end.then(() => (isOver = true));
  do {
    deliveries.push(await deliver());
    await Promise.race([sleep(PAUSE_MS), over]);
  } while (!isOver && deliveries.length < MOST_MEANWHILE - 1);
  return deliveries;
}

function figuresOf(atRest: Delivery, meanwhile: readonly Delivery[]): Readonly<Record<string, number>> {
  const meanwhileMs = median(meanwhile.map(({ ms }) => ms));
  return { 'another batch just before, ms': atRest.ms, 'another batch meanwhile, ms': meanwhileMs, 'so many times as long': meanwhileMs / atRest.ms };
}

async function untilAtRest({ space, warm }: Stage, pool: string, size: number): Promise<void> {
  await untilAvailable(space, pool, size);
  await warm.untilIdle();
}
