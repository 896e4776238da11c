import { Annotation, Label } from '../../../src/schema/names';
import { podPath, userPath } from '../paths';
import { BadWorld } from './bad-world';

let bad: BadWorld;
let pool: string;

beforeEach(async () => {
  bad = await BadWorld.make();
  pool = await bad.pool('p');
});

test('sound records break no rule', async () => {
  const pods = await Promise.all(['x', 'y', 'z'].map((name) => bad.pod(name, pool)));
  const [first, second] = [await bad.batch('a'), await bad.batch('b')];
  await bad.hold('a', [`x/${pods[0] ?? ''}`, `y/${pods[1] ?? ''}`]);
  await bad.hold('b', ['', `z/${pods[2] ?? ''}`]);
  await bad.run(pods[0] ?? '', 'a-0', first);
  expect(second).not.toBe(first);
  expect(bad.rules).toEqual([]);
});

test('sees a pod in the records of two batches', async () => {
  const pod = await bad.pod('x', pool);
  await bad.batch('a');
  await bad.batch('b');
  await bad.hold('a', [`x/${pod}`]);
  expect(bad.rules).toEqual([]);
  await bad.hold('b', ['', `x/${pod}`]);
  expect(bad.rules).toEqual(['R103']);
});

test('sees a pod in two slots', async () => {
  const pod = await bad.pod('x', pool);
  await bad.batch('a');
  await bad.hold('a', [`x/${pod}`, `x/${pod}`]);
  expect(bad.rules).toEqual(['R103']);
});

test('sees a pod of another pool in a record', async () => {
  const pod = await bad.pod('x', await bad.pool('q'));
  await bad.batch('a');
  await bad.hold('a', [`x/${pod}`]);
  expect(bad.rules).toEqual(['R11']);
});

test('sees pods that are shown before they are guarded', async () => {
  const pod = await bad.pod('x', pool);
  await bad.batch('a');
  await bad.hold('a', [`x/${pod}`]);
  await bad.patch(userPath('batchsandboxes', 'a'), { metadata: { annotations: { [Annotation.allocStatus]: '{"pods":["x"]}' } } });
  expect(bad.rules).toEqual(['R16']);
});

test('sees a pool beyond its bound', async () => {
  const small = await bad.pool('small', 1);
  await bad.pod('x', small);
  expect(bad.rules).toEqual([]);
  await bad.pod('y', small);
  expect(bad.rules).toEqual(['R61']);
});

test('sees the delete of a pod that a batch holds, and lets one go that is beyond replicas', async () => {
  const pods = await Promise.all(['x', 'y'].map((name) => bad.pod(name, pool)));
  await bad.batch('a', { replicas: 1 });
  await bad.hold('a', [`x/${pods[0] ?? ''}`, `y/${pods[1] ?? ''}`]);
  bad.request('DELETE', podPath('y'), { preconditions: { uid: pods[1] } });
  expect(bad.rules).toEqual([]);
  bad.request('DELETE', podPath('x'), { preconditions: { uid: pods[0] } });
  expect(bad.rules).toEqual(['R60']);
});

test('sees the delete of a held pod whose template is old', async () => {
  const pod = await bad.pod('x', pool, {}, { [Label.poolRevision]: 'old' });
  await bad.patch(`${userPath('pools', 'p')}/status`, { status: { revision: 'new', total: 1, allocated: 1, available: 0 } });
  await bad.batch('a');
  await bad.hold('a', [`x/${pod}`]);
  bad.request('DELETE', podPath('x'), { preconditions: { uid: pod } });
  expect(bad.rules).toEqual(['R67']);
});

test('sees a task on a pod that another batch holds', async () => {
  const pod = await bad.pod('x', pool);
  await bad.batch('a');
  const other = await bad.batch('b');
  await bad.hold('a', [`x/${pod}`]);
  await bad.run(pod, 'b-0', other);
  expect(bad.rules).toContain('R105');
});

test('sees a task that starts again after its recorded end', async () => {
  const pod = await bad.pod('x', pool);
  const batch = await bad.batch('a');
  await bad.hold('a', [`x/${pod}`], { taskStates: 'S--' });
  await bad.run(pod, 'a-0', batch);
  expect(bad.rules).toEqual(['R37']);
});

test('sees a task that runs on two pods at once', async () => {
  const pods = [await bad.pod('x', pool), await bad.pod('y', pool)];
  const batch = await bad.batch('a');
  await bad.hold('a', [`x/${pods[0] ?? ''}`]);
  await bad.run(pods[0] ?? '', 'a-0', batch);
  await bad.hold('a', [`y/${pods[1] ?? ''}`]);
  expect(bad.rules).toEqual([]);
  await bad.run(pods[1] ?? '', 'a-0', batch);
  expect(bad.rules).toEqual(['R47']);
});

test('sees a batch that goes while its task runs', async () => {
  const pod = await bad.pod('x', pool);
  const batch = await bad.batch('a');
  await bad.hold('a', [`x/${pod}`]);
  await bad.run(pod, 'a-0', batch);
  await bad.world.api.request('test', 'DELETE', userPath('batchsandboxes', 'a'));
  expect(bad.rules).toEqual(['R47']);
});

test.each([
  ['the operator that had it dropped', 'operator-1', ['R34']],
  ['the next one, after its slot had to go', 'operator-2', []],
])('sees a task that is run again by %s', async (_, client, want) => {
  const pod = await bad.pod('x', pool);
  const batch = await bad.batch('a');
  await bad.hold('a', [`x/${pod}`]);
  await bad.run(pod, 'a-0', batch, 'operator-1');
  await bad.patch(userPath('batchsandboxes', 'a'), { spec: { replicas: 0 } });
  await bad.ask(pod, [], 'operator-1');
  await bad.patch(userPath('batchsandboxes', 'a'), { spec: { replicas: 1 } });
  await bad.wait(2_000);
  await bad.run(pod, 'a-0', batch, client);
  expect(bad.rules).toEqual(want);
});
