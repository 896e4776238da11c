import { OwnPods } from '../../../operator/batch/own-pods';
import type { Pod } from '../../../src/schema/kubernetes';
import { API_VERSION, Label } from '../../../src/schema/names';

const podOfBatch = (batchUID: string, uid: string, metadata: Partial<Pod['metadata']> = {}): Pod => ({
  metadata: {
    name: 'b-0',
    namespace: 'default',
    uid,
    labels: { [Label.batchName]: 'b', [Label.podIndex]: '0' },
    ownerReferences: [{ apiVersion: API_VERSION, kind: 'BatchSandbox', name: 'b', uid: batchUID, controller: true }],
    ...metadata,
  },
});
const batch = (uid: string) => ({ metadata: { name: 'b', namespace: 'default', uid } });
const slotsOf = (pods: OwnPods, uid: string) => [...pods.of(batch(uid))].map(([slot, pod]) => [slot, pod.name]);

test('a pod that took the name of another has taken its place, whichever batch that was of', () => {
  const pods = new OwnPods();
  pods.podChanged(undefined, podOfBatch('old', 'first'));
  expect(pods.podChanged(podOfBatch('old', 'first'), podOfBatch('new', 'second'))).toBe(true);
  expect([pods.get('first'), slotsOf(pods, 'old')]).toEqual([undefined, []]);
  expect([pods.get('second')?.uid, slotsOf(pods, 'new')]).toEqual(['second', [[0, 'b-0']]]);
});

const FORGED: Readonly<Record<string, Partial<Pod['metadata']>>> = {
  'of another namespace': { namespace: 'elsewhere' },
  'whose name is another': { name: 'c-0' },
  'whose name is almost that of a slot': { name: 'b-00' },
  'whose owner is said to have another name': { ownerReferences: [{ apiVersion: API_VERSION, kind: 'BatchSandbox', name: 'c', uid: 'u', controller: true }], name: 'c-0' },
  'that names its owner without being controlled by it': { ownerReferences: [{ apiVersion: API_VERSION, kind: 'BatchSandbox', name: 'b', uid: 'u' }] },
};

test.each(Object.entries(FORGED))('a pod %s is no pod of the batch, whatever it says (R7, R105)', (_title, metadata) => {
  const pods = new OwnPods();
  pods.podChanged(undefined, podOfBatch('u', 'forged', metadata));
  expect(slotsOf(pods, 'u')).toEqual([]);
});

test('edited labels move no pod to another slot, and keep no change of it from being seen (R105)', () => {
  const pods = new OwnPods();
  const made = podOfBatch('u', 'p');
  const edited = podOfBatch('u', 'p', { labels: { [Label.batchName]: 'other', [Label.podIndex]: '7' } });
  const ended = { ...edited, status: { phase: 'Failed' as const } };
  pods.podChanged(undefined, made);
  expect([pods.podChanged(made, edited), slotsOf(pods, 'u')]).toEqual([false, [[0, 'b-0']]]);
  expect([pods.podChanged(edited, ended), pods.get('p')?.live]).toEqual([true, false]);
});

test('a pod whose owner is taken away is no pod of the batch any more (R105)', () => {
  const pods = new OwnPods();
  const made = podOfBatch('u', 'p');
  pods.podChanged(undefined, made);
  expect(pods.podChanged(made, podOfBatch('u', 'p', { ownerReferences: [] }))).toBe(true);
  expect([slotsOf(pods, 'u'), pods.get('p')]).toEqual([[], undefined]);
});

test('a batch is whole while every slot has a Ready pod', () => {
  const pods = new OwnPods();
  const ready = { phase: 'Running' as const, conditions: [{ type: 'Ready', status: 'True' as const }] };
  const [first, second] = ['0', '1'].map((slot) => ({ ...podOfBatch('u', `p${slot}`, { name: `b-${slot}` }), status: ready }));
  const isWhole = (replicas: number) => pods.isWhole({ ...batch('u'), spec: { replicas } });
  pods.podChanged(undefined, first);
  pods.podChanged(first, first);
  expect([isWhole(1), isWhole(2)]).toEqual([true, false]);
  pods.podChanged(undefined, second);
  expect([isWhole(1), isWhole(2)]).toEqual([false, true]); // after a cut one has still to go
  const again = podOfBatch('u', 'again', { name: 'b-1' });
  pods.podChanged(second, again);
  expect([isWhole(1), isWhole(2)]).toEqual([false, false]);
  pods.podChanged(again, undefined);
  expect(isWhole(1)).toBe(true);
  pods.podChanged(first, undefined);
  expect([isWhole(0), isWhole(1)]).toEqual([true, false]);
});
