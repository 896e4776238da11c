import type { Pod } from '../../../src/schema/kubernetes';
import { Annotation } from '../../../src/schema/names';
import { podPath, userPath } from '../paths';
import { BadWorld } from './bad-world';

let bad: BadWorld;

beforeEach(async () => {
  bad = await BadWorld.make();
});

const batchPath = userPath('batchsandboxes', 'a');

/** A pool of this kind, a pod of it that runs, and the batches `a` and `b`, of which `a` holds the pod. */
async function oneHeld(poolSpec: object = {}, podSpec: object = {}): Promise<{ pod: string; slot: string }> {
  const pod = await bad.pod('x', await bad.pool('p', 10, poolSpec), podSpec);
  await bad.batch('a');
  await bad.batch('b');
  await bad.wait(10_000);
  await bad.hold('a', [`x/${pod}`]);
  return { pod, slot: `x/${pod}` };
}

const restart = { recycleStrategy: { type: 'Restart' } };

test('sees a returned pod that was not restarted', async () => {
  const { slot } = await oneHeld(restart);
  await bad.hold('a', ['']);
  await bad.wait(1_000);
  expect(bad.rules).toEqual([]);
  await bad.hold('b', [slot]);
  expect(bad.rules).toEqual(['R53']);
});

test('lets a returned pod go to another batch once it has restarted, and one that need not restart', async () => {
  const { slot } = await oneHeld(restart);
  await bad.hold('a', ['']);
  expect(bad.world.nodes.restart(bad.world.pod('x') as Pod, 'main')).toBe(true);
  await bad.wait(5_000);
  await bad.hold('b', [slot]);
  await bad.patch(userPath('pools', 'p'), { spec: { recycleStrategy: { type: 'Noop' } } });
  await bad.hold('b', ['']);
  await bad.hold('a', [slot]);
  expect(bad.rules).toEqual([]);
});

test('sees a pod that its batch had shown before it vanished, and lets one go that it had not', async () => {
  const { slot } = await oneHeld(restart);
  await bad.world.api.request('test', 'DELETE', batchPath);
  await bad.hold('b', [slot]);
  expect(bad.rules).toEqual([]);
  await bad.patch(userPath('batchsandboxes', 'b'), { metadata: { finalizers: [], annotations: { [Annotation.allocStatus]: '{"pods":["x"]}' } } });
  await bad.world.api.request('test', 'DELETE', userPath('batchsandboxes', 'b'));
  await bad.batch('c');
  await bad.hold('c', [slot]);
  expect(bad.rules).toContain('R53');
});

test('sees a pod that goes to one batch while another is giving it back', async () => {
  const { slot } = await oneHeld({ recycleStrategy: { type: 'Noop' } });
  await bad.hold('a', ['']);
  await bad.patch(`${batchPath}/status`, { status: { allocation: { returning: [slot] } } });
  await bad.hold('b', [slot]);
  expect(bad.rules).toEqual(['R57']);
});

test('sees a part of what is wanted whole', async () => {
  const pool = await bad.pool('p');
  const pods = [await bad.pod('x', pool), await bad.pod('y', pool)];
  await bad.batch('a', { replicas: 2, allocationPolicy: 'AllOrNothing' });
  await bad.hold('a', [`x/${pods[0] ?? ''}`, `y/${pods[1] ?? ''}`]);
  await bad.hold('a', [`x/${pods[0] ?? ''}`, '']);
  expect(bad.rules).toEqual([]);
  await bad.batch('b', { replicas: 2, allocationPolicy: 'AllOrNothing' });
  await bad.hold('b', ['', `y/${pods[1] ?? ''}`]);
  expect(bad.rules).toEqual(['R13']);
});

test('sees a batch that is passed by a later one', async () => {
  const pool = await bad.pool('p');
  const pods = [await bad.pod('x', pool), await bad.pod('y', pool)];
  await bad.batch('a', { replicas: 1 });
  await bad.hold('a', ['']);
  await bad.wait(61_000);
  await bad.batch('b');
  await bad.hold('b', [`x/${pods[0] ?? ''}`]);
  expect(bad.rules).toEqual([]); // the other one is left for a
  await bad.hold('b', [`x/${pods[0] ?? ''}`, `y/${pods[1] ?? ''}`]);
  expect(bad.rules).toEqual(['R14']);
});

test.each<[string, string, object, readonly string[]]>([
  ['a write to another field of a spec', 'PATCH', { metadata: { resourceVersion: '1' }, spec: { replicas: 2 } }, ['R73']],
  ['a choice whatever the batch asks for by now', 'PATCH', { spec: { poolRef: 'p' } }, ['R73']],
  ['a delete whatever the batch is by now', 'DELETE', {}, ['R46']],
  ['a write to something else', 'PATCH', { metadata: { annotations: {} } }, []],
  ['a JSON patch of another field of a spec', 'PATCH', [{ op: 'add', path: '/spec/replicas', value: 2 }, { op: 'add', path: '/metadata/resourceVersion', value: '1' }], ['R73']],
  ['a JSON patch that chooses whatever the batch asks for by now', 'PATCH', [{ op: 'add', path: '/spec/poolRef', value: 'p' }], ['R73']],
])('judges %s', async (_, method, body, want) => {
  await bad.batch('a', { poolRef: '*' });
  bad.request(method, batchPath, body);
  expect(bad.rules).toEqual(want);
});

test('sees a choice for a batch that has a pool, and a delete of one that has not expired', async () => {
  const uid = await bad.batch('a', { expireTime: '2026-01-01T00:01:00Z' });
  const { resourceVersion } = bad.world.batch('a')?.metadata ?? {};
  bad.request('PATCH', batchPath, { metadata: { resourceVersion }, spec: { poolRef: 'q' } });
  bad.request('DELETE', batchPath, { preconditions: { uid, resourceVersion } });
  expect(bad.rules).toEqual(['R73', 'R46']);
  await bad.wait(61_000);
  bad.request('DELETE', batchPath, { preconditions: { uid, resourceVersion } });
  expect(bad.rules).toEqual(['R73', 'R46']);
});

test('sees pods of a batch that had expired when it was created', async () => {
  const pod = await bad.pod('x', await bad.pool('p'));
  const uid = await bad.batch('a', { expireTime: '2025-12-31T00:00:00Z' });
  await bad.hold('a', [`x/${pod}`]);
  await bad.pod('a-0', uid);
  expect(bad.rules).toEqual(['R45', 'R45']);
});

test('sees a pod that ends soon after a batch got it', async () => {
  const pod = await bad.pod('x', await bad.pool('p', 10, { minRemainingLifetimeSeconds: 100 }), { activeDeadlineSeconds: 200 });
  await bad.batch('a');
  await bad.batch('b');
  await bad.wait(60_000);
  await bad.hold('a', [`x/${pod}`]);
  await bad.hold('a', []);
  await bad.patch(batchPath, { spec: { replicas: 0 } });
  expect(bad.rules).toEqual([]);
  await bad.wait(80_000);
  await bad.hold('b', [`x/${pod}`]);
  expect(bad.rules).toEqual(['R11']);
});

test('sees who asks at the address of a pod that has long been gone', async () => {
  const { pod } = await oneHeld();
  await bad.world.api.request('test', 'DELETE', podPath('x'), { gracePeriodSeconds: 0 });
  await bad.ask(pod, []);
  expect(bad.rules).toEqual([]);
  await bad.wait(61_000);
  await bad.ask(pod, []);
  expect(bad.rules).toEqual(['R116']);
});
