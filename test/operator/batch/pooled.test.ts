import type { BatchTools } from '../../../operator/batch/batch-tools';
import { PooledDelivery } from '../../../operator/batch/pooled';
import { Ledger } from '../../../operator/ledger';
import type { StopState } from '../../../operator/tasks/pod-conversation';
import { batchOf, podOf, statusHolding } from '../../support/builders';
import { ManualClock } from '../../support/manual-clock';

const NO_NEWS = { poolChanged: () => undefined, heldPodChanged: () => undefined, demandChanged: () => undefined };

test('a pod that lives on is asked to stop once, however long other pods of its batch take (R48)', async () => {
  const held = ['warm-a', 'warm-b', 'warm-c'].map((name) => podOf('pool-warm', name));
  const batch = batchOf('b', { poolRef: 'warm', replicas: 3, taskTemplate: {} }, { status: { ...statusHolding('warm', held), taskStates: 'SSS' } });
  const ledger = new Ledger(NO_NEWS);
  for (const pod of held) ledger.podChanged(pod.uid, pod);
  ledger.batchChanged(undefined, batch);
  const stops = new Map<string, StopState>();
  const asked: string[] = [];
  const tools = {
    ledger,
    clock: new ManualClock(),
    taskStopTimeoutMs: 30_000,
    requeue: () => undefined,
    pools: new Map([['default/warm', { metadata: { name: 'warm', uid: 'pool-warm' }, spec: { recycleStrategy: { type: 'Noop' } } }]]),
    tasks: {
      observed: () => new Map(),
      stopState: (uid: string) => stops.get(uid),
      stop: (_batch: unknown, pods: readonly { podUID: string }[]) => {
        for (const { podUID } of pods.filter((pod) => !stops.has(pod.podUID))) {
          asked.push(podUID);
          stops.set(podUID, { state: 'stopping', startedAtMs: 0 });
        }
      },
      forgetPod: (_batchUID: string, uid: string) => stops.delete(uid),
    },
  } as unknown as BatchTools;
  const delivery = new PooledDelivery(tools);
  const released: boolean[] = [];
  const releaseOnce = async () => void released.push(await delivery.release(batch, new AbortController().signal));

  await releaseOnce();
  for (const { uid } of held) {
    stops.set(uid, { state: 'stopped', startedAtMs: 0 });
    await releaseOnce();
  }
  expect(released).toEqual([false, false, false, true]);
  expect(asked).toEqual(held.map(({ uid }) => uid));
});
