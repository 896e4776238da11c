import pino from 'pino';
import type { BatchTools } from '../../../operator/batch/batch-tools';
import { DirectDelivery } from '../../../operator/batch/direct';
import type { OwnPods } from '../../../operator/batch/own-pods';
import type { PodFacts } from '../../../operator/pod-facts';
import { ExecutorClient } from '../../../operator/tasks/executor-client';
import { TaskTracker } from '../../../operator/tasks/task-tracker';
import { batchOf, podOf } from '../../support/builders';
import { ManualClock } from '../../support/manual-clock';

test('a pod that vanished is asked nothing more while others of its batch stop (R116)', async () => {
  const clock = new ManualClock();
  const client = new ExecutorClient({ clock });
  const tracker = new TaskTracker({ client, clock, log: pino({ level: 'silent' }), onChange: () => undefined, onUnauthorized: () => undefined });
  // Nothing listens there.
  const pods = new Map([0, 1].map((slot): [number, PodFacts] => [slot, podOf('batch-b', `b-${slot}`, { ip: `127.84.9.${slot + 1}` })]));
  const ownPods: Partial<OwnPods> = { of: () => pods, get: (uid) => [...pods.values()].find((pod) => pod.uid === uid) };
  const tools: Partial<BatchTools> = { clock, ownPods: ownPods as OwnPods, tasks: tracker, taskStopTimeoutMs: 30_000, requeue: () => undefined };
  const delivery = new DirectDelivery(tools as BatchTools);
  const release = () => delivery.release(batchOf('b', { replicas: 2, template: {}, taskTemplate: {} }), new AbortController().signal);
  await release();
  pods.delete(0);
  await release();
  expect(['uid-b-0', 'uid-b-1'].map((uid) => tracker.stopState(uid)?.state)).toEqual([undefined, 'stopping']);
  await tracker.close();
  await client.close();
});
