import { API_VERSION, Label } from '../../../src/schema/names';
import { Chronicle } from './chronicle';
import { replay } from './replay';

const STALE_MS = 1_000;

/** A chronicle that a test writes itself. */
class HandMade {
  readonly chronicle = new Chronicle(() => 0);

  pod(name: string, revision: number, more: object = {}): void {
    const ownerReferences = [{ apiVersion: API_VERSION, kind: 'Pool', name: 'p', uid: 'pool', controller: true }];
    const metadata = { name, uid: `${name}-uid`, labels: { [Label.poolName]: 'p' }, ownerReferences, ...more };
    this.chronicle.change({ plural: 'pods', type: revision < 10 ? 'ADDED' : 'MODIFIED', object: { metadata }, revision });
  }

  batch(name: string, revision: number, slots: readonly string[], more: object = {}): void {
    const object = { metadata: { name, uid: `${name}-uid` }, spec: { replicas: 1, poolRef: 'p' }, status: { allocation: { poolName: 'p', poolUID: 'pool', slots }, ...more } };
    this.chronicle.change({ plural: 'batchsandboxes', type: 'MODIFIED', object, revision });
  }

  delete(pod: string, revision: number, preconditions: object = { uid: `${pod}-uid` }): void {
    const request = { method: 'DELETE', path: `/api/v1/namespaces/faults-1/pods/${pod}`, body: JSON.stringify({ preconditions }) };
    this.chronicle.deletes.push(request);
    this.chronicle.writes.set(revision, request);
  }

  start(batch: string, pod: string, revision: number) {
    const run = { podUID: `${pod}-uid`, batchUID: `${batch}-uid`, name: `${batch}-0`, startedAtMs: 0, endedAtMs: undefined, exitCode: undefined };
    this.chronicle.task('start', run, revision);
    return run;
  }

  get rules(): readonly string[] {
    return replay(this.chronicle, STALE_MS).violations.map(({ rule }) => rule);
  }
}

let made: HandMade;

beforeEach(() => {
  made = new HandMade();
  made.pod('x', 1);
  made.batch('a', 2, []);
  made.batch('b', 3, []);
});

test('a pod of two batches is found', () => {
  made.batch('a', 10, ['x/x-uid']);
  made.batch('b', 11, ['x/x-uid']);
  expect(made.rules).toEqual(['R103']);
});

test('what was told late is judged where it belongs', () => {
  made.batch('b', 12, ['x/x-uid']);
  made.batch('a', 10, ['x/x-uid']);
  made.batch('a', 11, []);
  expect(made.rules).toEqual([]);
});

test('within a gap nothing is judged, since what was missed may be what matters', () => {
  made.batch('a', 10, ['x/x-uid']);
  made.batch('b', 11, ['x/x-uid']);
  made.chronicle.gaps.push([9, 11]);
  expect(made.rules).toEqual([]);
});

test('a task that starts on a pod of another batch is found', () => {
  made.batch('b', 10, ['x/x-uid']);
  made.start('a', 'x', 10);
  expect(made.rules).toEqual(['R105', 'R105']);
});

test('a start comes after the record that was stored when it was asked for, whenever that was told', () => {
  made.start('a', 'x', 10);
  made.batch('a', 10, ['x/x-uid']);
  expect(made.rules).toEqual([]);
});

test('a task that starts again on its pod is found, unless the pod was given back between', () => {
  made.batch('a', 10, ['x/x-uid']);
  const run = made.start('a', 'x', 11);
  made.chronicle.task('end', run, 12, 0);
  made.chronicle.task('forget', run, 12);
  made.start('a', 'x', 20);
  expect(made.rules).toEqual(['R34']);
  made.batch('a', 13, []);
  made.batch('a', 14, ['x/x-uid']);
  expect(made.rules).toEqual([]);
});

test("the operator's delete of a held pod is found, at the change that it made", () => {
  made.batch('a', 10, ['x/x-uid']);
  made.delete('x', 11);
  made.pod('x', 11, { deletionTimestamp: '2026-01-01T00:00:00Z' });
  expect(made.rules).toEqual(['R60']);
  expect(replay(made.chronicle, STALE_MS)).toMatchObject({ changes: 5, starts: 0, deletes: 1 });
});

test('a delete that finds the pod deleted by another is not the one that did it', () => {
  made.batch('a', 10, ['x/x-uid']);
  made.delete('x', 11);
  made.chronicle.otherDeletes.add(11);
  made.pod('x', 11, { deletionTimestamp: '2026-01-01T00:00:00Z' });
  expect(made.rules).toEqual([]);
});

test('a delete without a UID is found, whether or not it did anything', () => {
  made.delete('y', 10, {});
  expect(made.rules).toEqual(['R110']);
});
