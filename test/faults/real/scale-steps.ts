import type { Step } from '../operations';

/** Members that are times: in ms by their name, and the running time of a task. */
const isTime = (key: string): boolean => key.endsWith('Ms') || key === 'seconds';
/** Members that are numbers of pods. */
const isCount = (key: string): boolean => ['replicas', 'bufferMin', 'bufferMax', 'poolMin', 'poolMax'].includes(key);

/** Batches of a history: in a short one, more would hardly meet twice. */
const BATCH_COUNT = 4;

/**
 * The same steps for a world whose time is real, and whose pods cost something: fewer batches, of which more becomes.
 *
 * @param time what every time is multiplied with
 * @param size what every number of pods is multiplied with, rounded up, so that nothing becomes nothing
 */
export function scaleSteps(steps: readonly Step[], time: number, size: number): Step[] {
  return steps.map((step) => scale('', step, time, size) as Step);
}

function scale(key: string, value: unknown, time: number, size: number): unknown {
  if (typeof value === 'number') return isTime(key) ? value * time : isCount(key) ? Math.ceil(value * size) : value;
  if (key === 'batch' && typeof value === 'string') return value.replace(/\d+$/, (number) => String(Number(number) % BATCH_COUNT));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, scale(name, member, time, size)]));
}
