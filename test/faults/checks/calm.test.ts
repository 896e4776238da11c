import { Label } from '../../../src/schema/names';
import { podPath, userPath } from '../paths';
import { BadWorld } from './bad-world';
import type { SentRequest } from './evidence';
import { QuietCheck } from './quiet';
import { TryCheck } from './tries';
import { UpdateCheck } from './update';

const PODS = '/api/v1/namespaces/default/pods';

const request = (method: string, path: string): SentRequest => ({ method, path, body: '' });

test.each<[string, string, string, number]>([
  ['a write of an operator ends it', 'operator-0', '/apis/things', 2_000],
  ['a lease does not', 'operator-0', '/apis/coordination.k8s.io/v1/namespaces/default/leases/x', 5_000],
  ['a kubelet does not', 'kubelet', PODS, 5_000],
])('time is quiet until %s', (_, client, path, want) => {
  let nowMs = 3_000;
  const check = new QuietCheck(() => nowMs);
  check.judgeRequest(client, request('PATCH', path));
  nowMs = 5_000;
  expect(check.quietMs(0)).toBe(want);
  expect(check.quietMs(4_500)).toBe(500);
});

test.each<[string, string, string]>([
  ['R64', 'POST', PODS],
  ['R64', 'DELETE', `${PODS}/x`],
  ['R97', 'PATCH', `${PODS}/x`],
  ['R97', 'PATCH', '/apis/things/x/status'],
])('breaks %s when the last is %s %s', (rule, method, path) => {
  const check = new QuietCheck(() => 0);
  check.judgeRequest('operator-0', request(method, path));
  expect(check.violation()).toEqual({ rule, message: `the operator still writes, at last ${method} ${path}` });
});

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
