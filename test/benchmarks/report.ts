import type { Measured, Rounds } from './runner';
import type { Scenario } from './scenario';
import { median, type Times, timesOf } from './statistics';
import { deliveryWrites, type Writes } from './writes';

/** What all rounds of one contender come to. */
export interface Summary {
  readonly rounds: Times;
  /** Of the parts of all rounds together, such as single batches of a burst; absent where there are none. */
  readonly parts?: Times;
  /** Medians of further figures. */
  readonly more: Readonly<Record<string, number>>;
  /** Of the round with the most of them. */
  readonly writes: Writes;
  /** Sum of those that deliver. */
  readonly writeCount: number;
  /** Median of the processor time of API server and etcd, in ms. */
  readonly serverCpuMs: number;
  /** Median of the share of the machine that strangers took, from 0 to 1. */
  readonly foreignShare: number;
  /** Absent for the loop. */
  readonly controller?: ControllerSummary;
}

/** What a controller took. */
export interface ControllerSummary {
  /** Median of a round. */
  readonly cpuMs: number;
  /** Most of any round. */
  readonly residentBytes: number;
  /** Most since its start. */
  readonly peakBytes: number;
  readonly connections: number;
  /** Absent for a controller that does not tell. */
  readonly loopDelayP99Ms?: number;
  readonly loopDelayMostMs?: number;
}

/** A scenario as a report has it. */
export interface ScenarioReport extends Pick<Scenario, 'name' | 'title' | 'group' | 'size' | 'target'> {
  readonly operator: Summary;
  readonly loop: Summary;
  readonly other?: Summary;
  /** Of each round the operator's time by that of the loop, which was played beside it; the median. */
  readonly ratio: number;
  /** The same for the other controller by the operator: how much faster we are. */
  readonly lead?: number;
}

/** All of a run. */
export interface Report {
  readonly at: string;
  /** Machine and versions, as a sentence. */
  readonly machine: string;
  readonly commit: string;
  /** Command of the other controller. */
  readonly other?: string;
  readonly scenarios: readonly ScenarioReport[];
}

/** Sums the rounds of a scenario up. @throws RangeError when a contender has played none */
export function reportOf({ name, title, group, size, target }: Scenario, rounds: Rounds): ScenarioReport {
  const [operator, loop] = [summaryOf(rounds.operator ?? []), summaryOf(rounds.loop ?? [])];
  const other = rounds.other === undefined ? undefined : summaryOf(rounds.other);
  const ratio = ratioOf(rounds.operator, rounds.loop);
  return { name, title, group, size, target, operator, loop, ratio, ...(other !== undefined && { other, lead: ratioOf(rounds.other, rounds.operator) }) };
}

/** Round by round, as the machine is faster at one time than at another: two rounds in turn find it alike, a whole run does not. */
function ratioOf(ones: readonly Measured[] = [], others: readonly Measured[] = []): number {
  return median(ones.flatMap(({ ms }, round) => ms / (others[round]?.ms ?? NaN)));
}

function summaryOf(rounds: readonly Measured[]): Summary {
  const parts = rounds.flatMap(({ partsMs }) => partsMs);
  const names = new Set(rounds.flatMap(({ more }) => Object.keys(more)));
  const writes = rounds.map((round) => round.writes).reduce((most, one) => (deliveryWrites(one) > deliveryWrites(most) ? one : most));
  const usages = rounds.flatMap(({ usage }) => usage ?? []);
  const delays = usages.flatMap(({ loopDelay }) => loopDelay ?? []);
  return {
    rounds: timesOf(rounds.map(({ ms }) => ms)),
    ...(parts.length > 0 && { parts: timesOf(parts) }),
    more: Object.fromEntries([...names].map((name) => [name, median(rounds.flatMap(({ more }) => more[name] ?? []))])),
    writes,
    writeCount: deliveryWrites(writes),
    serverCpuMs: median(rounds.map(({ serverCpuMs }) => serverCpuMs)),
    foreignShare: median(rounds.map(({ foreignShare }) => foreignShare)),
    ...(usages.length > 0 && {
      controller: {
        cpuMs: median(usages.map(({ cpuMs }) => cpuMs)),
        residentBytes: Math.max(...usages.map(({ residentBytes }) => residentBytes)),
        peakBytes: Math.max(...usages.map(({ peakBytes }) => peakBytes)),
        connections: Math.max(...usages.map(({ connections }) => connections)),
        ...(delays.length > 0 && { loopDelayP99Ms: median(delays.map(({ p99 }) => p99)), loopDelayMostMs: Math.max(...delays.map(({ most }) => most)) }),
      },
    }),
  };
}
