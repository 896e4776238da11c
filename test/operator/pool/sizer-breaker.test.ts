import type { PodStatus } from '../../../src/schema/kubernetes';
import { capacity, colored, NO_NODE, PoolHarness, PULL, uidsOf } from './pool-harness';

let pools: PoolHarness;

beforeEach(async () => {
  pools = await PoolHarness.start();
});
afterEach(() => pools.stop());

async function failingPool(size: number, status: PodStatus): Promise<void> {
  await pools.operator.createPool('warm', capacity(size, size, size, 10));
  await pools.untilPods(size);
  await pools.setStatus(await pools.operator.pods(), status);
}

test('a pool whose pods do not start keeps one of them, says why, and tries one at a time until it starts', async () => {
  await failingPool(4, PULL);
  await pools.changesWithin(35);
  await pools.untilPods(1);
  const [sample] = await pools.operator.pods();
  await pools.until(async () => expect(await pools.block()).toMatchObject({ reason: 'ImagePull', message: `pod '${sample?.metadata.name ?? ''}': container 'main': no such image` }));

  await pools.until(async () => expect(uidsOf(await pools.operator.pods())).not.toContain(sample?.metadata.uid));
  await pools.untilPods(1);
  expect(await pools.changesWithin(25)).toEqual({ created: 0, deleted: 0 });
  await pools.operator.makeReady();
  await pools.untilPods(4);
  await pools.untilReady({ total: 4, available: 4 });
  await pools.until(async () => expect(await pools.block()).toBeUndefined());
});

test('pods that end at once are not made again and again', async () => {
  await failingPool(3, { phase: 'Failed', containerStatuses: [{ name: 'main', state: { terminated: { exitCode: 1 } } }] });
  await pools.until(async () => expect(await pools.block()).toMatchObject({ reason: 'PodsFailing' }));
  await pools.untilPods(1);
  expect((await pools.block())?.message).toMatch(/^pod 'warm-.....': it ended in phase Failed: container 'main' ended with exit code 1$/);
  expect(await pools.changesWithin(25)).toEqual({ created: 0, deleted: 0 });
});

test('a pod that no node takes stays, and no more are made until a node takes it', async () => {
  await failingPool(2, NO_NODE);
  const before = uidsOf(await pools.operator.pods());
  await pools.changesWithin(35);
  await pools.until(async () => expect(await pools.block()).toMatchObject({ reason: 'Unschedulable', message: expect.stringContaining('0/3 nodes are available') }));
  await pools.edit(capacity(6, 6, 6, 10));
  await pools.changesWithin(60);
  expect(uidsOf(await pools.operator.pods())).toEqual(before);
  await pools.operator.makeReady();
  await pools.untilReady({ total: 6, available: 6 });
  await pools.until(async () => expect(await pools.block()).toBeUndefined());
});

test('another template is tried at once', async () => {
  await failingPool(3, PULL);
  await pools.changesWithin(35);
  await pools.until(async () => expect(await pools.block()).toMatchObject({ reason: 'ImagePull' }));
  await pools.edit({ template: colored('blue') });
  await pools.until(async () => expect(await pools.podsOfColor('blue')).toHaveLength(3));
  await pools.until(async () => expect(await pools.block()).toBeUndefined());
});

test('pods that end soon after they are Ready are not made again and again, and the pool says why', async () => {
  await pools.operator.createPool('warm', capacity(3, 3, 3, 10));
  // A command that ends at once: each pod is Ready for a second.
  const endReady = async () => {
    await pools.operator.makeReady();
    const ready = (await pools.operator.pods()).filter(({ status }) => status?.phase === 'Running');
    const conditions = [{ type: 'Ready', status: 'False' as const, reason: 'PodCompleted', lastTransitionTime: new Date().toISOString() }];
    await pools.clock.advance(100);
    await pools.setStatus(ready, { phase: 'Succeeded', conditions });
  };
  let created = 0;
  for (let round = 0; round < 20; round += 1) {
    await endReady();
    created += (await pools.changesWithin(10)).created;
  }
  expect(created).toBeLessThan(30); // within 200 s, not three each second
  await pools.until(async () => expect(await pools.block()).toMatchObject({ reason: 'PodsFailing', message: expect.stringMatching(/^pod 'warm-.....' ended in phase Succeeded within 30 s/) }));
  await pools.edit({ template: colored('lasting') });
  await pools.untilReady({ total: 3, available: 3, updated: 3 });
  await pools.until(async () => expect(await pools.block()).toBeUndefined());
});
