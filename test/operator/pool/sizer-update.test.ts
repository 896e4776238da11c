import { templateRevision } from '../../../operator/pool/template';
import type { Pod, PodTemplateSpec } from '../../../src/schema/kubernetes';
import { Label } from '../../../src/schema/names';
import type { PoolSpec } from '../../../src/schema/pool';
import { handMadeTemplate } from '../../support/hand-made-pods';
import { pathOf } from '../../support/operator-in-process';
import { capacity, colored, PoolHarness, PULL, uidsOf } from './pool-harness';

let pools: PoolHarness;

beforeEach(async () => {
  pools = await PoolHarness.start();
});
afterEach(() => pools.stop());

async function poolOfTwelve(more: Partial<PoolSpec> = {}): Promise<Pod[]> {
  await pools.operator.createPool('warm', { ...capacity(2, 8, 12, 20), template: colored('red'), recycleStrategy: { type: 'Noop' }, ...more });
  await pools.untilReady({ total: 12, available: 12 });
  await pools.operator.createBatch('holder', { replicas: 4, poolRef: 'warm' });
  await pools.untilStatus({ total: 12, allocated: 4, available: 8 });
  const slots = (await pools.operator.batch('holder')).status?.allocation?.slots ?? [];
  const held = new Set(slots.map((slot) => slot.split('/')[1]));
  return (await pools.operator.pods()).filter(({ metadata }) => held.has(metadata.uid));
}

test('replaces idle pods in waves, leaves held ones, and replaces those when they come back (R67, R68, R70)', async () => {
  const held = await poolOfTwelve();
  await pools.edit({ template: colored('blue') });
  await pools.until(async () => expect(await pools.podsOfColor('blue')).toHaveLength(3));
  expect(await pools.changesWithin(10)).toEqual({ created: 0, deleted: 0 });
  expect(await pools.podsOfColor('red')).toHaveLength(9);

  await pools.untilReady({ total: 12, allocated: 4, available: 8, updated: 8 });
  expect(uidsOf(await pools.podsOfColor('red'))).toEqual(uidsOf(held));
  await pools.operator.delete(pathOf('batchsandboxes', 'holder'));
  await pools.untilReady({ total: 12, allocated: 0, available: 12, updated: 12 });
  expect(await pools.podsOfColor('red')).toEqual([]);
});

test('goes at the pace of maxUnavailable, and not on before new pods are Ready (R68)', async () => {
  await poolOfTwelve({ updateStrategy: { maxUnavailable: 1 } });
  await pools.edit({ template: colored('blue') });
  await pools.until(async () => expect(await pools.podsOfColor('blue')).toHaveLength(1));
  expect(await pools.changesWithin(20)).toEqual({ created: 0, deleted: 0 });
  await pools.untilReady({ updated: 8 });
});

test('serves batches meanwhile (R70)', async () => {
  await poolOfTwelve();
  await pools.edit({ template: colored('blue') });
  await pools.until(async () => expect(await pools.podsOfColor('blue')).toHaveLength(3));
  await pools.operator.createBatch('guest', { replicas: 6, poolRef: 'warm' });
  await pools.until(async () => {
    await pools.operator.makeReady();
    expect((await pools.operator.batch('guest')).status).toMatchObject({ allocated: 6, ready: 6 });
  });
  for (const name of ['holder', 'guest']) await pools.operator.delete(pathOf('batchsandboxes', name));
  await pools.until(async () => {
    await pools.operator.makeReady();
    const status = await pools.status();
    expect(status).toMatchObject({ allocated: 0, updated: status?.total, available: status?.total });
  });
});

test('does nothing for another order of the keys (R66)', async () => {
  await poolOfTwelve();
  const { metadata, spec } = colored('red');
  const before = uidsOf(await pools.operator.pods());
  await pools.edit({ template: null });
  await pools.until(async () => expect((await pools.status())?.conditions).toMatchObject([{ type: 'Accepted', status: 'False' }]));
  await pools.edit({ template: { spec: Object.fromEntries(Object.entries(spec ?? {}).reverse()), metadata } });
  await pools.untilStatus({ updated: 12, revision: templateRevision(colored('red')) });
  await pools.changesWithin(10);
  expect(uidsOf(await pools.operator.pods())).toEqual(before);
});

test('new pods carry the new revision (R66)', async () => {
  await pools.operator.createPool('warm', { ...capacity(1, 1, 1, 4), template: colored('red') });
  await pools.untilReady({ available: 1 });
  await pools.edit({ template: colored('blue') });
  await pools.untilReady({ total: 1, available: 1, updated: 1, revision: templateRevision(colored('blue')) });
  expect((await pools.operator.pods()).map(({ metadata }) => metadata.labels?.[Label.poolRevision])).toEqual([templateRevision(colored('blue'))]);
});

test('replaces pods that are near to their end at the same pace', async () => {
  const template: PodTemplateSpec = { spec: { ...handMadeTemplate().spec, activeDeadlineSeconds: 1000 } };
  await pools.operator.createPool('warm', { ...capacity(4, 4, 4, 8), template });
  await pools.untilReady({ available: 4 });
  const before = uidsOf(await pools.operator.pods());
  const startTime = new Date(pools.clock.now().getTime() - 920_000).toISOString();
  for (const { metadata } of await pools.operator.pods()) await pools.operator.patch(`${pathOf('pods', metadata.name)}/status`, { status: { startTime } });
  await pools.until(async () => expect(uidsOf(await pools.operator.pods()).filter((uid) => before.includes(uid))).toHaveLength(3));
  expect(await pools.changesWithin(3)).toEqual({ created: 0, deleted: 0 });
  await pools.untilReady({ total: 4, available: 4 });
  await pools.until(async () => {
    await pools.operator.makeReady();
    expect(uidsOf(await pools.operator.pods()).filter((uid) => before.includes(uid))).toEqual([]);
  });
});

test('gives up no Ready pod for a template whose pods do not start (R68)', async () => {
  await poolOfTwelve();
  await pools.edit({ template: colored('broken') });
  await pools.until(async () => expect(await pools.podsOfColor('broken')).toHaveLength(3));
  await pools.setStatus(await pools.podsOfColor('broken'), PULL);
  await pools.changesWithin(35);
  await pools.until(async () => expect(await pools.block()).toMatchObject({ reason: 'ImagePull' }));
  await pools.changesWithin(120);
  expect(await pools.podsOfColor('red')).toHaveLength(9);
  await pools.edit({ template: colored('blue') });
  await pools.untilReady({ total: 12, available: 8, updated: 8 });
  await pools.until(async () => expect(await pools.block()).toBeUndefined());
});
