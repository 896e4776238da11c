import pino from 'pino';
import type { BatchTools } from '../../../operator/batch/batch-tools';
import type { BatchPublisher } from '../../../operator/batch/publish';
import { PooledDelivery } from '../../../operator/batch/pooled';
import { ApiError } from '../../../operator/kube/api-error';
import { ObjectCache } from '../../../operator/kube/cache';
import type { EventRecorder } from '../../../operator/kube/events';
import { Ledger } from '../../../operator/ledger';
import { OperatorMetrics } from '../../../operator/metrics';
import { ExecutorClient } from '../../../operator/tasks/executor-client';
import { TaskTracker } from '../../../operator/tasks/task-tracker';
import { systemClock as clock } from '../../../src/program/clock';
import type { BatchSandboxStatus } from '../../../src/schema/batch-sandbox';
import type { Pool } from '../../../src/schema/pool';
import { batchOf, podOf, statusHolding } from '../../support/builders';
import { until } from '../../support/waiting';
import { FakeExecutor } from '../tasks/fake-executor';

const NO_NEWS = { poolChanged: () => undefined, heldPodChanged: () => undefined, demandChanged: () => undefined };
/** Of the pool in `statusHolding`; its pods live on when a batch gives them back. */
const POOL: Pool = {
  apiVersion: 'sandbox.opensandbox.io/v1alpha1',
  kind: 'Pool',
  metadata: { namespace: 'default', name: 'warm', uid: 'pool-warm' },
  spec: { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 3, poolMax: 3 }, recycleStrategy: { type: 'Noop' } },
};

let executors: FakeExecutor[];
let client: ExecutorClient;
let tracker: TaskTracker;

beforeEach(async () => {
  const first = await FakeExecutor.start('127.84.0.1', 0, { slowStop: true });
  const others = await Promise.all(['127.84.0.2', '127.84.0.3'].map((address) => FakeExecutor.start(address, first.port, { slowStop: true })));
  executors = [first, ...others];
  client = new ExecutorClient({ clock, port: first.port });
  tracker = new TaskTracker({ client, clock, log: pino({ level: 'silent' }), onChange: () => undefined, onUnauthorized: () => undefined });
});

afterEach(async () => {
  await tracker.close();
  await client.close();
  await Promise.all(executors.map((executor) => executor.close()));
});

/** A batch that holds a pod of each executor, each with its task. */
function holdingBatch(taskStates: string, more: Partial<BatchTools> = {}, type: 'Noop' | 'Restart' = 'Noop') {
  const held = executors.map((executor, slot) => {
    executor.tasks = [{ name: `b-${slot}`, uid: 'batch-b', process: { command: ['run'] } }];
    return podOf('pool-warm', `warm-${slot}`, { ip: `127.84.0.${slot + 1}` });
  });
  const batch = batchOf('b', { poolRef: 'warm', replicas: 3, taskTemplate: {} }, { status: { ...statusHolding('warm', held), taskStates } });
  const ledger = new Ledger(NO_NEWS);
  for (const pod of held) ledger.podChanged(pod.uid, pod);
  ledger.batchChanged(undefined, batch);
  const pools = new ObjectCache<Pool>({ read: () => Promise.resolve(POOL) });
  pools.apply('ADDED', { ...POOL, spec: { ...POOL.spec, recycleStrategy: { type } } });
  const recycler = { recycle: () => new Set<string>(), forgetBatch: () => undefined };
  const told: string[] = [];
  const events = { record: (_object: unknown, _type: unknown, reason: string, message: string) => void told.push(`${reason}: ${message}`) } as Partial<EventRecorder> as EventRecorder;
  const metrics = new OperatorMetrics(clock, 'api');
  const tools: Partial<BatchTools> = { recycler, events, metrics, ledger, clock, pools, tasks: tracker, taskStopTimeoutMs: 30_000, requeue: () => undefined, ...more };
  const delivery = new PooledDelivery(tools as BatchTools);
  const { signal } = new AbortController();
  const reconcile = (replicas: number) => delivery.reconcile({ ...batch, spec: { ...batch.spec, replicas } }, signal);
  return { ledger, told, metrics, reconcile, release: () => delivery.release(batch, signal) };
}

test('a pod that lives on is asked to stop once, however long other pods of its batch take (R48, R98)', async () => {
  const { told, metrics, release } = holdingBatch('SSS');
  const released = [await release()];
  for (const [slot, executor] of executors.entries()) {
    await until(() => expect(executor.tasks).toMatchObject([{ deletionTimestamp: expect.any(String) as string }]));
    executor.drop();
    await until(() => expect(tracker.stopState(`uid-warm-${slot}`)?.state).toBe('stopped'));
    released.push(await release());
  }
  expect(released).toEqual([false, false, false, true]);
  expect(executors.map((executor) => executor.count('POST /setTasks'))).toEqual([1, 1, 1]);
  // Its record goes on naming the first while the others stop, but it comes back once (R98).
  expect(told).toEqual(['PodsReturned: gave 1 pods back', 'PodsReturned: gave 1 pods back', 'PodsReturned: gave 1 pods back']);
  expect((await metrics.registry.getSingleMetric('opensandbox_recycle_total')?.get())?.values).toMatchObject([{ value: 3, labels: { strategy: 'Noop', result: 'reused' } }]);
});

test('a pod that is gone is asked nothing more while others of its batch stop (R116)', async () => {
  const { ledger, release } = holdingBatch('SSS');
  await release();
  ledger.podChanged('uid-warm-0', undefined);
  await release();
  expect([0, 1, 2].map((slot) => tracker.stopState(`uid-warm-${slot}`)?.state)).toEqual([undefined, 'stopping', 'stopping']);
});

test.each(['Noop', 'Restart'] as const)('a pod of a pool with %s whose task was stopped leaves, also when an edit wants its slot again before that is on record (R21, R34)', async (type) => {
  const statuses: (BatchSandboxStatus | undefined)[] = [];
  let isEdited = false;
  const publisher: Partial<BatchPublisher> = {
    writeStatus: (batch, status) => {
      if (isEdited) return Promise.reject(new ApiError(409, 'Conflict', 'edited'));
      statuses.push(status);
      return Promise.resolve(batch);
    },
    writeMetadata: (batch) => Promise.resolve(batch),
  };
  const { reconcile } = holdingBatch('RRR', { publisher: publisher as BatchPublisher, refresh: () => Promise.resolve(undefined) }, type);
  await reconcile(2);
  await until(() => expect(executors[2]?.tasks).toMatchObject([{ deletionTimestamp: expect.any(String) as string }]));
  executors[2]?.drop();
  await until(() => expect(tracker.stopState('uid-warm-2')?.state).toBe('stopped'));
  isEdited = true;
  await expect(reconcile(2)).rejects.toThrow('edited');
  isEdited = false;
  await reconcile(3);
  const slots = ['0/uid-warm-0', '1/uid-warm-1', '2/uid-warm-2'];
  expect(statuses.map((status) => status?.allocation?.slots)).toEqual([slots, [...slots.slice(0, 2), '']]);
});
