import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditPlace, auditSince } from '../cluster/audit';
import type { LoopDelay } from './loop-delay';
import { connectionsTo, cpuOf, cpuOfMachine, usageOf } from './process-usage';
import type { OpenScenario, Player, Scenario } from './scenario';
import { type Stage, userOf } from './stage';
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
  /** Processor time of API server and etcd, in ms. */
  readonly serverCpuMs: number;
  /** Share of the machine that programs took which have no part in the benchmark, from 0 to 1. */
  readonly foreignShare: number;
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

interface Entry extends Player {
  readonly contender: Contender;
  readonly stage: Stage;
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
  const entries: Entry[] = [
    { contender: 'operator', stage, ...ours.controller },
    { contender: 'loop', stage, ...ours.loop },
  ];
  if (other !== undefined) entries.push({ contender: 'other', stage: other, ...(await opened(other)).controller });
  const measured: Partial<Record<Contender, Measured[]>> = {};
  for (let round = -scenario.warmUps; round < rounds; round += 1) {
    // Each begins in its turn; the loop replays what the controller wrote first.
    const from = round > -scenario.warmUps ? Math.abs(round) % entries.length : 0;
    for (const entry of [...entries.slice(from), ...entries.slice(0, from)]) {
      const result = await Promise.race([measure(entry), entry.stage.controller.failed]);
      if (round < 0) continue;
      (measured[entry.contender] ??= []).push(result);
      onRound(entry.contender, result.ms);
    }
  }
  for (const one of open) await one.close?.();
  return measured;
}

async function measure({ contender, stage, prepare, play }: Entry): Promise<Measured> {
  const { cluster, controller } = stage;
  await prepare?.();
  await controller.untilEventsAreOut();
  await controller.loopDelay(); // which begins it anew
  const place = await auditPlace(cluster);
  const before = machineUsage(stage);
  const { ms, partsMs = [], more = {}, cleanUp } = await play();
  const connections = connectionsTo(controller.pid, API_PORT);
  await sleep(SETTLE_MS);
  const after = machineUsage(stage);
  const writes = countWrites(await auditSince(cluster, place), [userOf('client'), userOf(contender === 'loop' ? 'loop' : 'controller')]);
  const { residentBytes, peakBytes } = after.controller;
  const usage = { cpuMs: after.controller.cpuMs - before.controller.cpuMs, residentBytes, peakBytes, connections, loopDelay: await controller.loopDelay() };
  await cleanUp();
  const foreignMs = after.machineMs - before.machineMs - (after.ownMs - before.ownMs);
  const foreignShare = Math.max(0, foreignMs / (after.atMs - before.atMs) / availableParallelism());
  return { ms, partsMs, more, writes, serverCpuMs: after.serverMs - before.serverMs, foreignShare, ...(contender !== 'loop' && { usage }) };
}

/** Who has used how much of the machine so far. */
function machineUsage({ controller, processes }: Stage) {
  const { user, system } = process.cpuUsage();
  const ownUsage = usageOf(controller.pid);
  const serverMs = cpuOf(processes.server);
  const ownMs = ownUsage.cpuMs + serverMs + cpuOf(processes.rest) + (user + system) / 1000;
  return { atMs: performance.now(), machineMs: cpuOfMachine(), ownMs, serverMs, controller: ownUsage };
}
