import { metadataSteps, planMetadata } from '../../../operator/batch/publish';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import { Annotation, Finalizer } from '../../../src/schema/names';
import { batchOf } from '../../support/builders';

function batchWith(metadata: Partial<BatchSandbox['metadata']>): BatchSandbox {
  const batch = batchOf('b');
  return { ...batch, metadata: { ...batch.metadata, ...metadata } };
}

test('finalizers of others stay in their place (R122)', () => {
  const batch = batchWith({ finalizers: ['other/one', Finalizer.taskCleanup, 'other/two'] });
  expect(planMetadata(batch, { finalizers: [Finalizer.poolAllocation], dropFinalizers: [Finalizer.taskCleanup] })).toEqual({
    finalizers: ['other/one', 'other/two', Finalizer.poolAllocation],
  });
});

test('no finalizer is added to a batch that is being deleted: the API server would refuse it', () => {
  const batch = batchWith({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [] });
  expect(planMetadata(batch, { finalizers: [Finalizer.poolAllocation] })).toBeUndefined();
});

test('an edited mirror is written back, an unchanged one is not written again (R104)', () => {
  const annotations = { [Annotation.endpoints]: '["10.0.0.1"]', [Annotation.allocStatus]: '{"pods":["a"]}' };
  const wanted = { finalizers: [], endpoints: ['10.0.0.1'], podNames: ['a'] };
  expect(planMetadata(batchWith({ annotations }), wanted)).toBeUndefined();
  expect(planMetadata(batchWith({ annotations: { ...annotations, [Annotation.endpoints]: 'mine' } }), wanted)).toEqual({
    annotations: { [Annotation.endpoints]: '["10.0.0.1"]' },
  });
});

test('the last return is shown, stays until the next, and is written back when somebody edits it (R104, R132)', () => {
  const annotations = { [Annotation.endpoints]: '[""]', [Annotation.allocStatus]: '{"pods":[]}', [Annotation.allocReleased]: '{"pods":["a"]}' };
  const wanted = { finalizers: [], endpoints: [''], podNames: [] };
  expect(planMetadata(batchWith({ annotations }), wanted)).toBeUndefined();
  expect(planMetadata(batchWith({ annotations }), { ...wanted, releasedNames: ['a'] })).toBeUndefined();
  expect(planMetadata(batchWith({ annotations }), { ...wanted, releasedNames: ['b', 'c'] })).toEqual({ annotations: { [Annotation.allocReleased]: '{"pods":["b","c"]}' } });
  expect(planMetadata(batchWith({}), { finalizers: [] })).toBeUndefined();
});

test('the last return is the first to make room, also when it is not written anew (R132)', () => {
  const annotations = { theirs: 'x'.repeat(250_000), [Annotation.allocReleased]: `{"pods":["${'a'.repeat(6_000)}"]}` };
  const podNames = ['b'.repeat(5_000)];
  expect(planMetadata(batchWith({ annotations }), { finalizers: [], endpoints: [''], podNames })).toEqual({
    annotations: {
      [Annotation.endpoints]: '[""]',
      [Annotation.allocStatus]: JSON.stringify({ pods: podNames }),
      [Annotation.allocReleased]: null,
      [Annotation.mirrorOmitted]: JSON.stringify([Annotation.allocReleased]),
    },
  });
});

test('mirrors that do not fit are left out and named, endpoints last (R132)', () => {
  const podNames = Array.from({ length: 4_500 }, (_, i) => `${'x'.repeat(57)}-${String(i).padStart(5, '0')}`);
  const endpoints = podNames.map(() => '10.100.100.100');
  expect(planMetadata(batchWith({}), { finalizers: [], endpoints, podNames })).toEqual({
    annotations: { [Annotation.endpoints]: JSON.stringify(endpoints), [Annotation.mirrorOmitted]: JSON.stringify([Annotation.allocStatus]) },
  });
});

test("the user's own annotations count, so that the API server never refuses the write", () => {
  const annotations = { theirs: 'x'.repeat(258_000) };
  const plan = planMetadata(batchWith({ annotations }), { finalizers: [Finalizer.poolAllocation], endpoints: Array.from({ length: 100 }, () => '10.0.0.1'), podNames: [] });
  expect(plan).toEqual({
    finalizers: [Finalizer.poolAllocation],
    annotations: { [Annotation.mirrorOmitted]: JSON.stringify([Annotation.endpoints, Annotation.allocStatus]) },
  });
});

test.each([
  ['annotations into a batch that has none', undefined, { a: '1', b: null }, [{ op: 'add', path: '/metadata/annotations', value: { a: '1' } }]],
  ['annotations beside those of others', { theirs: 'x', [Annotation.endpoints]: '[]' }, { [Annotation.allocStatus]: '{}', [Annotation.endpoints]: null }, [
    { op: 'add', path: '/metadata/annotations/sandbox.opensandbox.io~1alloc-status', value: '{}' },
    { op: 'remove', path: '/metadata/annotations/sandbox.opensandbox.io~1endpoints' },
  ]],
])('writes %s', (_title, annotations, wanted, steps) => {
  expect(metadataSteps(batchWith({ annotations }), { annotations: wanted })).toEqual(steps);
});
