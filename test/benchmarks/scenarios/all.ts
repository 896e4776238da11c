import type { Scenario } from '../scenario';
import { batchScenario } from './batch';

/** All scenarios in the order in which they are played: the warm pool only grows. */
export const SCENARIOS: readonly Scenario[] = [...[1, 10, 100, 1_000, 5_000, 10_000].map(batchScenario)];
