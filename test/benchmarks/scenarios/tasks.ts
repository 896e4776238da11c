import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import { API_VERSION, EXECUTOR_CONTAINER, Label } from '../../../src/schema/names';
import type { Pod, PodTemplateSpec } from '../../../src/schema/kubernetes';
import { fixedPool } from '../../support/pool-spec';
import { until } from '../../support/waiting';
import type { OpenScenario, Round, Scenario } from '../scenario';
import type { Stage } from '../stage';
import { mostWithin } from '../statistics';
import { ExecutorFleet } from '../tasks/executor-fleet';
import { TaskGate } from '../tasks/task-gate';
import { untilAvailable } from '../warm-pool';
import { countedNames } from './deliver';

const POOL = 'with-executors';
const TEMPLATE: PodTemplateSpec = { spec: { automountServiceAccountToken: false, containers: [{ name: 'main', image: 'none' }, { name: EXECUTOR_CONTAINER, image: 'none' }] } };
/** Tasks end one after another, with so much time between two, in ms. */
const END_EVERY_MS = 10;

/**
 * One task in each sandbox of a batch, on real executors: from the delivery of the batch until the last of the processes runs. The bare loop
 * sends the same tasks to the same executors, with requests that were signed before. Then the tasks end one after another.
 */
export function tasksScenario(count: number): Scenario {
  return {
    name: `tasks-${count}`,
    title: `${count.toLocaleString('en')} tasks on real executors`,
    group: 'tasks',
    size: count,
    target: 1.5,
    rounds: 7,
    warmUps: 1,
    open: async (stage) => {
      const { api, space, cluster, signingKeys } = stage;
      await space.create('Pool', POOL, fixedPool(count, TEMPLATE, { recycleStrategy: { type: 'Noop' } }));
      await untilAvailable(space, POOL, count);
      const { body } = await api.request<{ readonly items: readonly Pod[] }>('GET', `${space.path('Pod')}?labelSelector=${encodeURIComponent(`${Label.poolName}=${POOL}`)}`);
      const fleet = await ExecutorFleet.start(body.items, signingKeys, cluster.folder);
      const gate = await TaskGate.open(join(cluster.folder, 'gate'));
      await fleet.untilAtRest();
      const names = countedNames('tasks');
      return {
        controller: { play: () => playBatch(stage, names(), count, { fleet, gate }) },
        loop: handPlayer(count, { fleet, gate }),
        close: async () => {
          await space.delete('Pool', POOL);
          await fleet.stop();
          gate.close();
        },
      };
    },
  };
}

interface Machines {
  readonly fleet: ExecutorFleet;
  readonly gate: TaskGate;
}

async function playBatch({ client, space, watch }: Stage, name: string, count: number, { fleet, gate }: Machines): Promise<Round> {
  const seen = new BatchHistory(count);
  const finished = watch.until(name, `results of batch '${name}'`, (batch) => seen.note(batch));
  const running = gate.untilRunning(count);
  const taskTemplate = { spec: { process: { command: gate.command } } };
  await client.send('POST', space.path('BatchSandbox'), JSON.stringify({ apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name }, spec: { replicas: count, poolRef: POOL, taskTemplate } }));
  const runningAtMs = await running;
  await until(() => {
    if (Number.isNaN(seen.runningAtMs)) throw new Error(`batch '${name}': expected ${count} running tasks in its status`);
  });
  for (let left = count; left > 0; left -= 1) {
    gate.release(1);
    await sleep(END_EVERY_MS);
  }
  const finishedAtMs = await finished;
  return {
    ms: Math.max(0, runningAtMs - seen.deliveredAtMs),
    more: {
      'running in status after the last has begun, ms': seen.runningAtMs - runningAtMs,
      'results in status after the last exit, ms': performance.timeOrigin + finishedAtMs - fleet.lastEndAt(),
      'status writes in a second, at most': mostWithin(seen.statusesAtMs, 1_000),
    },
    cleanUp: async () => {
      const gone = watch.untilGone(name);
      await client.send('DELETE', space.path('BatchSandbox', name));
      await gone;
      await untilAvailable(space, POOL, count);
      await fleet.untilAtRest();
    },
  };
}

function handPlayer(count: number, { fleet, gate }: Machines): OpenScenario['loop'] {
  let calls: Awaited<ReturnType<ExecutorFleet['sign']>> = [];
  let rounds = 0;
  return {
    prepare: async () => {
      rounds += 1;
      calls = await fleet.sign((index) => [{ name: `hand-${rounds}-${index}`, uid: 'by-hand', process: { command: [...gate.command] } }]);
    },
    play: async () => {
      const running = gate.untilRunning(count);
      const beganAtMs = performance.now();
      await Promise.all(calls.map((call) => call.send()));
      const ms = (await running) - beganAtMs;
      const cleanUp = async () => {
        gate.release(count);
        for (const call of await fleet.sign(() => [])) await call.send();
        await fleet.untilAtRest();
      };
      return { ms, cleanUp };
    },
  };
}

/** What a client sees of a batch with tasks, by `performance.now()`. */
class BatchHistory {
  deliveredAtMs = NaN;
  runningAtMs = NaN;
  /** When each state of the tasks was seen. */
  readonly statusesAtMs: number[] = [];
  private states = '';

  constructor(private readonly count: number) {}

  /** Whether all tasks have ended. */
  note({ status }: BatchSandbox): boolean {
    const nowMs = performance.now();
    if (Number.isNaN(this.deliveredAtMs) && status?.ready === this.count) this.deliveredAtMs = nowMs;
    if (Number.isNaN(this.runningAtMs) && status?.taskRunning === this.count) this.runningAtMs = nowMs;
    if (status?.taskStates !== undefined && status.taskStates !== this.states) {
      this.states = status.taskStates;
      this.statusesAtMs.push(nowMs);
    }
    return status?.taskSucceed === this.count;
  }
}
