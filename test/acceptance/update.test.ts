import { Label } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { fixedPool } from '../support/pool-spec';
import { recordedUIDsOf } from '../support/space';
import { until } from '../support/waiting';

const cluster = useCluster();

test('a changed template replaces idle pods one after another while batches are served, and a held pod when it comes back (R66, R67, R70)', async () => {
  const space = await cluster.newSpace();
  const template = (color: string) => cluster.target.podTemplate({ labels: { color } });
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
