import { auditPlace, auditSince } from '../cluster/audit';
import type { LoopDelay } from './loop-delay';
import { connectionsTo, usageOf } from './process-usage';
import type { OpenScenario, Round, Scenario } from './scenario';
import { type Stage, userOf } from './stage';
import { setTimeout as sleep } from 'node:timers/promises';
import { countWrites, type Writes } from './writes';

/** Who does the work: our operator, the bare loop, or the other controller. */
export type Contender = 'operator' | 'loop' | 'other';

/** One measured round. */
export interface Measured {
  readonly ms: number;
  readonly partsMs: readonly number[];
  readonly more: Readonly<Record<string, number>>;
  /** Writes of the client and whoever did the work, until some time after the end of the round. */
  readonly writes: Writes;
  /** Of the controller; absent for the loop. */
  readonly usage?: ControllerUsage;
}

/** What a controller took for a round. */
export interface ControllerUsage {
  readonly cpuMs: number;
  readonly residentBytes: number;
  readonly peakBytes: number;
  /** To the API server. */
  readonly connections: number;
  readonly loopDelay?: LoopDelay;
}

/** The rounds of a scenario, by who played them. */
export type Rounds = Readonly<Partial<Record<Contender, readonly Measured[]>>>;

/** A controller may write once more when a round seems over; what it writes within this time, in ms, counts. */
const SETTLE_MS = 250;
/** Port of the API server. */
const API_PORT = 6443;

interface Player {
  readonly contender: Contender;
  readonly stage: Stage;
  readonly play: () => Promise<Round>;
}

/**
 * Plays a scenario: every round by each contender, in turn, so that what else the machine does falls on all of them alike.
 *
 * @param other stage of the other controller
 * @param onRound told of each round that counts
 */
export async function runScenario(scenario: Scenario, { stage, other, rounds = scenario.rounds }: { readonly stage: Stage; readonly other?: Stage; readonly rounds?: number }, onRound: (contender: Contender, ms: number) => void): Promise<Rounds> {
  const open: OpenScenario[] = [];
  const opened = async (on: Stage) => {
    const one = await Promise.race([scenario.open(on), on.controller.failed]);
    open.push(one);
    return one;
  };
  const ours = await opened(stage);
  const players: Player[] = [
    { contender: 'operator', stage, play: ours.controller },
    { contender: 'loop', stage, play: ours.loop },
  ];
  if (other !== undefined) players.push({ contender: 'other', stage: other, play: (await opened(other)).controller });
  const measured: Partial<Record<Contender, Measured[]>> = {};
  for (let round = -scenario.warmUps; round < rounds; round += 1) {
    // Each begins in its turn; the loop replays what the controller wrote first.
    const from = round > -scenario.warmUps ? Math.abs(round) % players.length : 0;
    for (const player of [...players.slice(from), ...players.slice(0, from)]) {
      const result = await Promise.race([measure(player), player.stage.controller.failed]);
      if (round < 0) continue;
      (measured[player.contender] ??= []).push(result);
      onRound(player.contender, result.ms);
    }
  }
  for (const one of open) await one.close();
  return measured;
}

async function measure({ contender, stage, play }: Player): Promise<Measured> {
  const { cluster, controller } = stage;
  await controller.loopDelay(); // which begins it anew
  const place = await auditPlace(cluster);
  const before = usageOf(controller.pid);
  const { ms, partsMs = [], more = {}, cleanUp } = await play();
  const connections = connectionsTo(controller.pid, API_PORT);
  await sleep(SETTLE_MS);
  const after = usageOf(controller.pid);
  const writes = countWrites(await auditSince(cluster, place), [userOf('client'), userOf(contender === 'loop' ? 'loop' : 'controller')]);
  const { residentBytes, peakBytes } = after;
  const usage = contender === 'loop' ? undefined : { cpuMs: after.cpuMs - before.cpuMs, residentBytes, peakBytes, connections, loopDelay: await controller.loopDelay() };
  await cleanUp();
  return { ms, partsMs, more, writes, ...(usage !== undefined && { usage }) };
}
