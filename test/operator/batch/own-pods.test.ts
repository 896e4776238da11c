import { OwnPods } from '../../../operator/batch/own-pods';
import type { Pod } from '../../../src/schema/kubernetes';
import { API_VERSION, Label } from '../../../src/schema/names';

const podOfBatch = (batchUID: string, uid: string): Pod => ({
  metadata: {
    name: 'b-0',
    namespace: 'default',
    uid,
    labels: { [Label.batchName]: 'b', [Label.podIndex]: '0' },
    ownerReferences: [{ apiVersion: API_VERSION, kind: 'BatchSandbox', name: 'b', uid: batchUID, controller: true }],
  },
});

test('a pod that took the name of another has taken its place, whichever batch that was of', () => {
  const pods = new OwnPods();
  pods.podChanged(undefined, podOfBatch('old', 'first'));
  expect(pods.podChanged(podOfBatch('old', 'first'), podOfBatch('new', 'second'))).toBe(true);
  expect([pods.get('first'), pods.of('old').size]).toEqual([undefined, 0]);
  expect([pods.get('second')?.uid, pods.of('new').size]).toEqual(['second', 1]);
});
