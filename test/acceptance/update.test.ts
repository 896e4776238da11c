import type { Pod } from '../../src/schema/kubernetes';
import { Label } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { createReadyPool, handMadeTemplate, makeReady } from '../support/hand-made-pods';
import { fixedPool } from '../support/pool-spec';
import { recordedUIDsOf } from '../support/space';
import { until } from '../support/waiting';

const cluster = useCluster();

test('a changed template replaces idle pods one after another while batches are served, and a held pod when it comes back (R66, R67, R70)', async () => {
  const space = await cluster.newSimulatedSpace();
  const template = (color: string) => handMadeTemplate({ color });
  await space.create('Pool', 'warm', fixedPool(4, template('red'), { updateStrategy: { maxUnavailable: 1 }, recycleStrategy: { type: 'Noop' } }));
  const first = await space.untilWarm('warm', 4);
  await space.create('BatchSandbox', 'holder', { replicas: 1, poolRef: 'warm' });
  const held = recordedUIDsOf(await space.untilDelivered('holder'));

  await space.patch('Pool', 'warm', { spec: { template: template('blue') } });
  await space.until('Pool', 'warm', ({ status }) => expect(status?.updated).toBeGreaterThan(0));
  await space.create('BatchSandbox', 'guest', { replicas: 2, poolRef: 'warm' });
  await space.untilDelivered('guest');
  expect(recordedUIDsOf(await space.get('BatchSandbox', 'holder'))).toEqual(held);
  expect((await space.list('Pod')).map(({ metadata }) => metadata.uid)).toEqual(expect.arrayContaining([...held]));

  for (const name of ['holder', 'guest']) await space.delete('BatchSandbox', name);
  const last = await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ total: 4, allocated: 0, available: 4, updated: 4 }));
  expect(last.status?.revision).not.toBe(first.status?.revision);
  await until(async () => {
    const labels = (await space.list('Pod')).map(({ metadata }) => metadata.labels);
    expect(labels.map((own) => own?.[Label.poolRevision])).toEqual(Array(4).fill(last.status?.revision));
    expect(labels.map((own) => own?.['color'])).toEqual(Array(4).fill('blue'));
  });
});

test('a wave takes what is not Ready and of the rest what is worth least, and the next one waits for new pods (R68, R69)', async () => {
  const space = await cluster.newSpace();
  const { spec } = handMadeTemplate();
  await createReadyPool(space, 'warm', 12, { updateStrategy: { maxUnavailable: '25%' } });
  await space.create('BatchSandbox', 'holder', { replicas: 4, poolRef: 'warm' });
  const held = recordedUIDsOf(await space.untilDelivered('holder'));
  // Newest first, as pods go that are worth the same; they may have been created in different seconds.
  const orderOf = ({ metadata: { name, creationTimestamp = '' } }: Pod) => `${Number.MAX_SAFE_INTEGER - Date.parse(creationTimestamp)} ${name}`;
  const byOrder = (a: Pod, b: Pod) => (orderOf(a) < orderOf(b) ? -1 : 1);
  const idlePods = (await space.list('Pod')).filter(({ metadata: { uid = '' } }) => !held.includes(uid)).sort(byOrder);
  const inOrder = idlePods.map(({ metadata: { name } }) => name);
  const idle = [...inOrder].sort();
  const [unready = '', third = '', second = '', first = '', ...young] = inOrder;
  const restarted = young.at(-1) ?? '';
  const readySince = (time: string) => ({ conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: time }] });
  await space.patch('Pod', unready, { status: { conditions: [{ type: 'Ready', status: 'False' }] } }, 'status');
  await space.patch('Pod', first, { status: readySince('2026-01-01T00:00:01Z') }, 'status');
  await space.patch('Pod', second, { status: readySince('2026-01-01T00:00:02Z') }, 'status');
  // Ready since the same time as the young ones, it would come before them by age or name; one of them has restarted more often.
  for (const name of [third, ...young]) await space.patch('Pod', name, { status: readySince('2026-01-01T00:00:03Z') }, 'status');
  const main = { name: 'main', image: 'none', imageID: '', ready: true, restartCount: 1, state: { running: {} } };
  await space.patch('Pod', restarted, { status: { containerStatuses: [main] } }, 'status');
  await space.untilWarm('warm', 7);

  await space.patch('Pool', 'warm', { spec: { template: { metadata: { labels: { color: 'blue' } }, spec } } });
  const leftOf = async () => (await space.list('Pod')).flatMap(({ metadata: { name } }) => (idle.includes(name) ? [name] : []));
  // Of 12 pods 3 may be unavailable, and one is already.
  const untilReplaced = (names: readonly string[]) =>
    until(async () => {
      expect((await space.get('Pool', 'warm')).status).toMatchObject({ total: 12, allocated: 4, updated: names.length });
      expect((await leftOf()).sort()).toEqual(idle.filter((name) => !names.includes(name)));
    });
  await untilReplaced([unready, first, second]);
  await makeReady(space);
  await untilReplaced([unready, first, second, restarted, third, ...young.slice(0, 1)]);
  await makeReady(space);
  await untilReplaced(idle);
  expect((await space.list('Pod')).map(({ metadata }) => metadata.uid)).toEqual(expect.arrayContaining([...held]));
});
