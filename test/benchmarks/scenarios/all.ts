import type { Scenario } from '../scenario';
import { batchScenario } from './batch';
import { burstScenario } from './burst';
import { coldScenario } from './cold';
import { deletionScenario } from './deletion';
import { executorStartScenario } from './executor-start';
import { fillScenario, refillScenario } from './pool';
import { tasksScenario } from './tasks';

/** Kinds of work, by the first part of their names; the second is their size. */
const KINDS: Readonly<Record<string, (size: number) => Scenario>> = { batch: batchScenario, delete: deletionScenario, cold: coldScenario, fill: fillScenario, refill: refillScenario, tasks: tasksScenario };
/** Form of a name that is not listed. */
export const OTHER_NAMES = 'batch-N, delete-N, cold-N, fill-N, refill-N, tasks-N and burst-NxM with N and M from 1 to 10,000';
const MOST = 10_000;

/** The scenarios of a whole run, in the order in which they are played: the pool `warm` only grows. */
export const SCENARIOS: readonly Scenario[] = [
  batchScenario(1),
  batchScenario(10),
  batchScenario(100),
  burstScenario(300, 1),
  burstScenario(100, 10),
  batchScenario(1_000),
  deletionScenario(100),
  deletionScenario(1_000),
  tasksScenario(100),
  executorStartScenario(),
  coldScenario(100),
  coldScenario(1_000),
  fillScenario(1_000),
  refillScenario(1_000),
  deletionScenario(5_000),
  batchScenario(5_000),
  batchScenario(10_000),
];

/** A scenario of any size, by its name; undefined for a name that means none. */
export function scenarioOf(name: string): Scenario | undefined {
  const [, kind = '', first = '', second] = /^([a-z]+)-([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?$/.exec(name) ?? [];
  const sizes = [first, ...(second === undefined ? [] : [second])].map(Number);
  const [size = 0, replicas] = sizes;
  if (sizes.some((one) => one > MOST)) return undefined;
  if (kind === 'burst') return replicas === undefined ? undefined : burstScenario(size, replicas);
  return replicas === undefined ? KINDS[kind]?.(size) : undefined;
}

