import { useCluster } from '../targets/cluster-under-test';
import { handMadeTemplate } from '../support/hand-made-pods';
import { elasticPool, fixedPool } from '../support/pool-spec';
import { conditionOf, recordedUIDsOf, type Space } from '../support/space';
import { undisturbed } from '../support/take-over';
import { until } from '../support/waiting';

const cluster = useCluster();

const untilWaiting = (space: Space, name: string, reason: string) =>
  space.until('BatchSandbox', name, (batch) => expect(conditionOf(batch, 'PoolAllocationPending')?.reason).toBe(reason));

test('a batch of AllOrNothing takes no pod until it gets all, and those behind it wait for it (R13, R14, R15)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(3, handMadeTemplate(), { recycleStrategy: { type: 'Noop' } }));
  await space.untilWarm('warm', 3);
  await space.create('BatchSandbox', 'background', { replicas: 2, poolRef: 'warm', priority: -1 });
  await space.untilDelivered('background');
  await space.create('BatchSandbox', 'whole', { replicas: 2, poolRef: 'warm', allocationPolicy: 'AllOrNothing' });
  const waiting = await untilWaiting(space, 'whole', 'PoolExhausted');
  expect(recordedUIDsOf(waiting)).toEqual([]);
  await space.create('BatchSandbox', 'behind', { replicas: 1, poolRef: 'warm', priority: -1 });
  await untilWaiting(space, 'behind', 'Queued');

  await space.delete('BatchSandbox', 'background');
  await space.untilDelivered('whole');
  await space.untilDelivered('behind');
});

test('a batch of AllOrNothing that is larger than its pool waits with PoolTooSmall, and others are served (R15)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(1, handMadeTemplate()));
  await space.untilWarm('warm', 1);
  await space.create('BatchSandbox', 'large', { replicas: 2, poolRef: 'warm', allocationPolicy: 'AllOrNothing' });
  await untilWaiting(space, 'large', 'PoolTooSmall');
  await space.create('BatchSandbox', 'small', { replicas: 1, poolRef: 'warm' });
  await space.untilDelivered('small');
});

test('an idle pod is replaced before too little of its life is left (S23)', async () => {
  const template = cluster.target.podTemplate();
  const mortal = { ...template, spec: { ...template.spec, activeDeadlineSeconds: 24 } };
  const outlive = async () => {
    const space = await cluster.newSpace();
    await space.create('Pool', 'mortal', elasticPool({ bufferMin: 1, bufferMax: 1, poolMin: 1, poolMax: 3 }, mortal, { minRemainingLifetimeSeconds: 12 }));
    await space.untilWarm('mortal', 1);
    const [first] = await space.list('Pod');
    const reasons = new Set<string | undefined>();
    await until(async () => {
      const pods = await space.list('Pod');
      reasons.add(pods.find(({ metadata }) => metadata.uid === first?.metadata.uid)?.status?.reason);
      expect(pods.map(({ metadata }) => metadata.uid)).not.toContain(first?.metadata.uid);
    });
    await space.untilWarm('mortal', 1);
    return reasons;
  };
  await undisturbed(cluster.target, outlive, (reasons) => expect(reasons).not.toContain('DeadlineExceeded')); // deleted while it lived
});
