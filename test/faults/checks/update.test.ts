import { podPath } from '../paths';
import { BadWorld } from './bad-world';
import { UpdateCheck } from './update';

/** Four Ready pods of a pool, the first held, at the beginning of an update; what the check says after some of them are deleted. */
async function rulesAfter(deleted: readonly string[], poolSpec: object = {}): Promise<readonly string[]> {
  const bad = await BadWorld.make();
  const pool = await bad.pool('p', 10, poolSpec);
  const uids = await Promise.all(['held', 'x', 'y', 'z'].map((name) => bad.pod(name, pool)));
  await bad.batch('a', { replicas: 1 });
  await bad.wait(10_000);
  await bad.hold('a', [`held/${uids[0] ?? ''}`]);
  const rules: string[] = [];
  const check = new UpdateCheck(bad.world, (rule) => rules.push(rule));
  for (const name of deleted) {
    check.judgeRequest({ method: 'DELETE', path: podPath(name), body: '' });
    await bad.world.api.request('test', 'DELETE', podPath(name), { gracePeriodSeconds: 0 });
  }
  return rules;
}

test.each<[string, readonly string[], object, readonly string[]]>([
  ['one at a time by default', ['x'], {}, []],
  ['a second one meanwhile', ['x', 'y'], {}, ['R68']],
  ['as many as the pool allows', ['x', 'y'], { updateStrategy: { maxUnavailable: '50%' } }, []],
  ['one more than that', ['x', 'y', 'z'], { updateStrategy: { maxUnavailable: 2 } }, ['R68']],
  ['what is beyond its bounds', ['x', 'y', 'z'], { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 10 } }, []],
])('an update gives up %s', async (_, deleted, poolSpec, want) => {
  expect(await rulesAfter(deleted, poolSpec)).toEqual(want);
});
