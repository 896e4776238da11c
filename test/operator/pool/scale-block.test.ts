import { type Hindrance, ScaleBlocks } from '../../../operator/pool/scale-block';
import type { Pool } from '../../../src/schema/pool';

const poolWith = (bounds: Partial<Pool['spec']['capacitySpec']> = {}): Pool => ({
  metadata: { name: 'warm', namespace: 'default', uid: 'pool-warm' },
  spec: { capacitySpec: { bufferMin: 1, bufferMax: 2, poolMin: 1, poolMax: 4, ...bounds } },
});

test.each<[string, Hindrance, string]>([
  ['pods that are not Ready', { reason: 'NotReadyPods' }, 'new pods do not become Ready; look at them with kubectl describe pod'],
  ['pods whose failure is known', { reason: 'NotReadyPods', cause: "pod 'a': no image" }, "new pods do not become Ready: pod 'a': no image"],
  ['poolMax', { reason: 'PoolMax' }, 'batches wait for pods and the pool has its poolMax of 4'],
  ['refused pods', { reason: 'CreateFailed', cause: 'denied by a policy' }, 'denied by a policy'],
])('growth that %s hold back shows after 30 s, and until it passes (R65)', (_name, hindrance, message) => {
  const blocks = new ScaleBlocks();
  const at = (seconds: number, now: Hindrance | undefined = hindrance) => blocks.explain(poolWith(), undefined, now, seconds * 1000);
  expect(at(0)).toBeUndefined();
  expect(blocks.has('pool-warm')).toBe(true);
  expect(at(29)).toBeUndefined();
  expect(at(30)).toEqual({ reason: hindrance.reason, message });
  expect(blocks.explain(poolWith(), undefined, undefined, 31_000)).toBeUndefined();
  expect(at(32)).toBeUndefined();
});

test.each([
  ['bufferMin above bufferMax', { bufferMin: 3 }, 'spec.capacitySpec.bufferMin: expected at most bufferMax (2), got 3'],
  ['poolMin above poolMax', { poolMin: 9 }, 'spec.capacitySpec.poolMin: expected at most poolMax (4), got 9'],
])('%s shows at once (R61)', (_name, bounds, message) => {
  expect(new ScaleBlocks().explain(poolWith(bounds), undefined, undefined, 0)).toEqual({ reason: 'InvalidCapacity', message });
});

test('a quota shows at once, until it passes', () => {
  const blocks = new ScaleBlocks();
  const hindrance = { reason: 'QuotaExceeded', cause: "quota 'q' of the namespace is used up" } as const;
  expect(blocks.explain(poolWith(), undefined, hindrance, 0)).toEqual({ reason: 'QuotaExceeded', message: "quota 'q' of the namespace is used up" });
  expect(blocks.explain(poolWith(), undefined, undefined, 1)).toBeUndefined();
});

test('an open breaker shows at once, with its own reason', () => {
  const open = { reason: 'ImagePull', message: "pod 'a': no image" } as const;
  expect(new ScaleBlocks().explain(poolWith(), open, { reason: 'NotReadyPods' }, 0)).toEqual(open);
});
