import { templateRevision } from '../../../operator/pool/template';
import { API_VERSION, Label } from '../../../src/schema/names';
import type { PoolSpec } from '../../../src/schema/pool';
import { handMadeTemplate } from '../../support/hand-made-pods';
import { pathOf } from '../../support/operator-in-process';
import { capacity, PoolHarness } from './pool-harness';

let pools: PoolHarness;

beforeEach(async () => {
  pools = await PoolHarness.start({ acting: false });
});
afterEach(() => pools.stop());

const blocked = {
  revision: templateRevision(handMadeTemplate()),
  ...{ total: 0, allocated: 0, available: 0 },
  conditions: [{ type: 'ScaleBlocked', status: 'True', reason: 'ImagePull', message: "pod 'warm-aaaaa': no such image" }],
};

/** The pool as an operator before this one has left it. */
async function blockedPool(bounds: Pick<PoolSpec, 'capacitySpec'>): Promise<void> {
  await pools.operator.createPool('warm', bounds);
  await pools.operator.patch(`${pathOf('pools', 'warm')}/status`, { status: blocked });
}

test('an operator that starts goes on with what the status says of pods that do not start', async () => {
  await blockedPool(capacity(4, 4, 4, 4));
  await pools.operator.manager.act(new AbortController().signal);
  await pools.untilStatus({ observedGeneration: 1, conditions: [{ reason: 'ImagePull' }] });
  expect(await pools.operator.pods()).toEqual([]);
  await pools.changesWithin(10);
  await pools.untilPods(1);
});

test('an operator that starts gives up one Ready pod at most for a template whose pods did not start, when it tries again (R68)', async () => {
  await blockedPool(capacity(0, 4, 0, 4));
  const { uid = '' } = (await pools.operator.pool('warm')).metadata;
  const ownerReferences = [{ apiVersion: API_VERSION, kind: 'Pool', name: 'warm', uid, controller: true }];
  for (const name of ['warm-b', 'warm-c']) {
    const labels = { [Label.poolName]: 'warm', [Label.poolRevision]: 'old' };
    await pools.operator.createPod({ ...handMadeTemplate(), metadata: { name, labels, ownerReferences } });
  }
  await pools.operator.makeReady();
  await pools.operator.manager.act(new AbortController().signal);
  await pools.untilStatus({ observedGeneration: 1, available: 2, updated: 0 });
  expect(await pools.changesWithin(1)).toEqual({ created: 0, deleted: 0 });
  const old = async () => (await pools.operator.pods()).filter(({ metadata }) => metadata.labels?.[Label.poolRevision] === 'old');
  await pools.until(async () => expect(await old()).toHaveLength(1));
  await pools.untilPods(2);
  expect(await pools.changesWithin(60)).toEqual({ created: 0, deleted: 0 });
  await pools.untilReady({ available: 2, updated: 2 });
});
