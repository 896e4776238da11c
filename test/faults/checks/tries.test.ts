import { Label } from '../../../src/schema/names';
import { userPath } from '../paths';
import { BadWorld } from './bad-world';
import { TryCheck } from './tries';

test.each<[string, string, number, readonly string[]]>([
  ['sees pods that follow each other at once', 'ImagePull', 1_000, ['R65']],
  ['lets them come with pauses', 'ImagePull', 11_000, []],
  ['lets a pool grow that waits for something else', 'PoolMax', 1_000, []],
])('%s', async (_, reason, pauseMs, want) => {
  const bad = await BadWorld.make();
  const uid = await bad.pool('p');
  const conditions = [{ type: 'ScaleBlocked', status: 'True', reason }];
  await bad.patch(`${userPath('pools', 'p')}/status`, { status: { revision: 'r', total: 0, allocated: 0, available: 0, conditions } });
  const rules: string[] = [];
  const check = new TryCheck(bad.world, (rule) => rules.push(rule), 0);
  bad.world.api.onChange((change) => check.observe(change));
  await bad.pod('x', uid, {}, { [Label.poolRevision]: 'r' });
  await bad.wait(pauseMs);
  await bad.pod('y', uid, {}, { [Label.poolRevision]: 'r' });
  expect(rules).toEqual(want);
});
