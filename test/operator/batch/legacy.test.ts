import { planImport } from '../../../operator/batch/legacy';
import { Annotation, API_VERSION, Label } from '../../../src/schema/names';
import { batchOf, podOf, statusHolding } from '../../support/builders';
import { handMadeTemplate } from '../../support/hand-made-pods';
import { type OperatorInProcess, pathOf, startOperator } from '../../support/operator-in-process';
import { mirroredPodsOf, recordedUIDsOf } from '../../support/space';
import { until } from '../../support/waiting';

const freePods = (...names: string[]) => new Map(names.map((name) => [name, podOf('pool-uid', name)]));
const podsText = (...pods: string[]) => JSON.stringify({ pods });

/** Names of the slots that are imported of a batch with these annotations; `.` is an empty one. */
function imported(annotations: Record<string, string>, replicas: number, free = freePods('a', 'b', 'c')): string | undefined {
  const batch = batchOf('old', { poolRef: 'warm', replicas });
  const record = planImport({ ...batch, metadata: { ...batch.metadata, annotations } }, 'warm', 'pool-uid', free);
  return record?.slots.map((slot) => (slot.state === 'held' ? slot.name : '.')).join(' ');
}

test.each([
  ['pods in the order of their slots', { [Annotation.allocStatus]: podsText('b', 'a') }, 2, 'b a'],
  ['an empty slot for a pod that is gone or held', { [Annotation.allocStatus]: podsText('gone', 'a') }, 3, '. a .'],
  ['pods beyond replicas too, so that they are given back', { [Annotation.allocStatus]: podsText('a', 'b') }, 1, 'a b'],
  ['no pod that was given back', { [Annotation.allocStatus]: podsText('a', 'b'), [Annotation.allocReleased]: podsText('a') }, 2, '. b'],
  ['a pod once', { [Annotation.allocStatus]: podsText('a', 'a') }, 2, 'a .'],
  ['nothing without the annotation', {}, 2, undefined],
  ['nothing from text that cannot be read', { [Annotation.allocStatus]: '{"pods":' }, 2, undefined],
])('of an earlier operator is imported: %s (R102)', (_title, annotations, replicas, want) => {
  expect(imported(annotations, replicas)).toBe(want);
});

test('a batch with a record keeps it (R102)', () => {
  const batch = batchOf('new', { poolRef: 'warm' }, { status: statusHolding('warm', [podOf('pool-uid', 'a')]) });
  expect(planImport({ ...batch, metadata: { ...batch.metadata, annotations: { [Annotation.allocStatus]: podsText('b') } } }, 'warm', 'pool-uid', freePods('b'))).toBeUndefined();
});

describe('an operator that begins to lead', () => {
  let operator: OperatorInProcess;

  afterEach(() => operator.stop());

  test.each([
    [['--import-legacy-allocations'], ['warm-2'], 2],
    [[], [], 3],
  ])('with flags %j takes over what annotations name, before it gives anything out (R102)', async (flags, ofOld, ofRival) => {
    operator = await startOperator({ acting: false, flags });
    await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 3, poolMax: 3 } });
    const { uid = '' } = (await operator.pool('warm')).metadata;
    const owner = { apiVersion: API_VERSION, kind: 'Pool', name: 'warm', uid, controller: true };
    for (const name of ['warm-1', 'warm-2', 'warm-3']) await operator.createPod({ ...handMadeTemplate(), metadata: { name, labels: { [Label.poolName]: 'warm' }, ownerReferences: [owner] } });
    await operator.makeReady();
    // Of the two made in the same second, the first name counts as the older one.
    await operator.createBatch('a-rival', { replicas: 3, poolRef: 'warm' });
    await operator.createBatch('b-old', { replicas: 1, poolRef: 'warm' });
    await operator.createBatch('c-urgent', { replicas: 0, poolRef: 'warm', priority: 1 }); // of two that name one pod the older keeps it, whatever is served first
    for (const name of ['b-old', 'c-urgent']) await operator.patch(pathOf('batchsandboxes', name), { metadata: { annotations: { [Annotation.allocStatus]: podsText('warm-2') } } });
    await operator.manager.act(new AbortController().signal);
    await until(async () => expect(recordedUIDsOf(await operator.batch('a-rival'))).toHaveLength(ofRival));
    await until(async () => expect(mirroredPodsOf(await operator.batch('b-old'))).toEqual(ofOld));
  });
});
