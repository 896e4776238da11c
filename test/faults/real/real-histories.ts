import { generateSteps, type Operation, type Step } from '../operations';
import { Random } from '../random';
import type { RealHistory } from './play-real';
import { scaleSteps } from './scale-steps';

/** Time that the steps of a history take, in ms: real time is dear, and those that are played together end together. */
const SPAN_MS = 20_000;
/** Pools are there first in every history; these batches come next, or in a short one many operations would find none. Some want the same pods. */
const FIRST_BATCHES = [
  { batch: 'b0', pool: 'red', policy: 'Retain' },
  { batch: 'b1', pool: 'red', policy: 'Release' },
  { batch: 'b2', pool: undefined, policy: 'Retain' },
  { batch: 'b3', pool: 'red', policy: 'Retain' },
] as const;
/** Pools that the generator makes first. */
const POOL_COUNT = 3;
/** Pods that those may have beyond what was drawn: few of them would have any for three batches. */
const MORE_PODS = 4;

/** What befalls all histories that are played at the same time. */
const SHARED: readonly Operation['do'][] = ['kill operator', 'stop operator', 'freeze operator', 'weather', 'drop watches', 'expire watches', 'restart api'];
/** Of these, one in so many is kept, for half its time: with all that five histories have, the operator would do nothing but start. */
const KEPT_OF_SHARED = 3;
const SHARED_TIME = 0.5;

/** How much of a history a real world can play. */
export interface Limits {
  /** What every number of pods is multiplied with. */
  readonly size: number;
  /** Whether its containers can be restarted by a command in them; where not, pools delete what is returned. */
  readonly canRestart: boolean;
}

/** The usual waits of half a minute between two tries are too long here. */
const RESTART_CONFIG = '{"retryInterval":"1s","maxRetries":3}';

/** The histories of some seeds for a real world: the same operations as in virtual time, sooner after each other. */
export function realHistories(firstSeed: number, seedCount: number, stepCount: number, limits: Limits): RealHistory[] {
  return Array.from({ length: seedCount }, (_, index) => {
    const seed = String(firstSeed + index);
    const generated = withBatches(generateSteps(new Random(seed), stepCount), new Random(seed).fork('first batches'));
    const thinned = seedCount === 1 ? generated : thin(generated, index);
    const steps = index === 0 ? withRestart(thinned) : thinned;
    const totalMs = steps.reduce((sum, { afterMs }) => sum + afterMs, 0);
    return { seed, steps: scaleSteps(steps, SPAN_MS / totalMs, limits.size).map((step) => limit(step, limits)) };
  });
}

function limit(step: Step, { canRestart }: Limits): Step {
  if (step.do !== 'create pool' && step.do !== 'set recycle') return step;
  const recycle = step.recycle === 'Restart' && !canRestart ? 'Delete' : step.recycle;
  return step.do === 'create pool' ? { ...step, recycle, restart: RESTART_CONFIG } : { ...step, recycle };
}

function withBatches(steps: readonly Step[], random: Random): Step[] {
  const batches = FIRST_BATCHES.map((first): Step => {
    const task = { seconds: random.whole(1, 40), exitCode: random.whole(0, 1), manner: 'polite' } as const;
    return { do: 'create batch', afterMs: random.whole(0, 20), ...first, replicas: random.whole(1, 4), task, expireInMs: undefined, image: 'good', tier: 'fast', priority: 0, allOrNothing: false };
  });
  const pools = steps.slice(0, POOL_COUNT).map((step) => (step.do === 'create pool' ? { ...step, capacity: { ...step.capacity, poolMax: step.capacity.poolMax + MORE_PODS } } : step));
  return [...pools, ...batches, ...steps.slice(POOL_COUNT)];
}

/** Once among all histories, in the midst of things, the API server is restarted: on its own that is rare. */
function withRestart(steps: readonly Step[]): Step[] {
  if (steps.some((step) => step.do === 'restart api')) return [...steps];
  const middle = Math.floor(steps.length / 2);
  return [...steps.slice(0, middle), { do: 'restart api', afterMs: 0, downMs: 4_000 }, ...steps.slice(middle)];
}

function thin(steps: readonly Step[], index: number): Step[] {
  let shared = index;
  const kept = steps.filter((step) => !SHARED.includes(step.do) || shared++ % KEPT_OF_SHARED === 0);
  return kept.map((step) => ('forMs' in step && SHARED.includes(step.do) ? { ...step, forMs: step.forMs * SHARED_TIME } : step));
}
