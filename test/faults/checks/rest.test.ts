import { API_VERSION, Label } from '../../../src/schema/names';
import { podPath, userPath } from '../paths';
import { World } from '../world';
import { checkEmpty, checkRest } from './rest';

const template = { spec: { containers: [{ name: 'main', image: 'good' }] } };

/** A world that nobody looks after. */
async function abandonedWorld() {
  const world = new World('1', 1, () => undefined);
  await world.install();
  const create = async (path: string, object: object) => ((await world.api.request('test', 'POST', path, object)).body as { metadata: { uid: string } }).metadata.uid;
  return {
    world,
    rules: () => checkRest(world).map(({ rule }) => rule),
    pool: (name: string, capacity: object) =>
      create(userPath('pools'), { apiVersion: API_VERSION, kind: 'Pool', metadata: { name }, spec: { template, capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 5, ...capacity } } }),
    batch: (name: string, spec: object) => create(userPath('batchsandboxes'), { apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name }, spec }),
    pod: (name: string, uid: string, labels: object = {}) => {
      const ownerReferences = [{ apiVersion: API_VERSION, kind: 'Pool', name: 'p', uid, controller: true }];
      return create(podPath('').slice(0, -1), { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels, ownerReferences }, ...template });
    },
    patch: (path: string, body: object) => world.api.request('test', 'PATCH', path, body),
    delete: (path: string) => world.api.request('test', 'DELETE', path),
  };
}

test('nothing is wrong with an empty world', async () => {
  const { world, rules } = await abandonedWorld();
  expect(rules()).toEqual([]);
  expect(checkEmpty(world)).toEqual([]);
});

test('sees batches without what they ask for', async () => {
  const { rules, batch } = await abandonedWorld();
  await batch('own', { template, replicas: 2 });
  expect(rules()).toEqual(['R97', 'R115', 'R92', 'R1']);
  await batch('pooled', { poolRef: 'p', replicas: 2 });
  expect(rules()).toEqual(['R97', 'R115', 'R92', 'R1', 'R97', 'R115', 'R92', 'R15']);
});

test('sees pools that are too small, and those that say what is not so', async () => {
  const { rules, pool, patch } = await abandonedWorld();
  await pool('p', { poolMin: 1 });
  expect(rules()).toEqual(['R57', 'R60']);
  await patch(`${userPath('pools', 'p')}/status`, { status: { revision: 'r', total: 0, allocated: 0, available: 0 } });
  expect(rules()).toEqual(['R60']);
});

test('sees idle pods that are too many or were to be evicted', async () => {
  const { rules, pool, pod } = await abandonedWorld();
  await pod('x', await pool('p', {}), { [Label.evict]: '' });
  expect(rules()).toEqual(['R57', 'R71', 'R60']);
});

test('sees what is left of a deletion', async () => {
  const { world, rules, batch, patch, delete: remove } = await abandonedWorld();
  await batch('own', { template, replicas: 1 });
  await patch(userPath('batchsandboxes', 'own'), { metadata: { finalizers: ['example.com/kept'] } });
  await remove(userPath('batchsandboxes', 'own'));
  expect(rules()).toEqual(['R119']);
  expect(checkEmpty(world).map(({ rule }) => rule)).toEqual(['R119']);
});

test('sees pods whose owner is gone, and tasks that nobody holds a pod for', async () => {
  const { world, rules, pod } = await abandonedWorld();
  const uid = await pod('x', 'nobody');
  expect(rules()).toEqual(['R50']);
  world.executors.add(uid, '10.0.0.1');
  const request = await world.signatures.signed(uid, '10.0.0.1', '/setTasks', [{ name: 'a-0', uid: 'another', process: { command: ['run', '0', '0', 'polite'] } }]);
  const responder = { start: () => undefined, data: () => undefined, end: () => undefined, fail: () => undefined, onClose: () => undefined };
  world.executors.server(request, responder);
  await world.clock.settle();
  expect(rules()).toEqual(['R50', 'R47']);
});

test('sees a batch that has expired, and one without a pool that could have one', async () => {
  const { world, rules, pool, batch } = await abandonedWorld();
  await batch('over', { replicas: 0, template, expireTime: '2026-01-01T00:00:10Z' });
  await batch('any', { poolRef: '*', replicas: 0, template });
  expect(rules()).not.toContain('R73');
  await pool('p', {});
  expect(rules()).toContain('R73');
  expect(rules()).not.toContain('R44');
  while (await world.clock.step(20_000));
  expect(rules()).toContain('R44');
});

test('sees idle pods of an old template, unless those of the new one do not start', async () => {
  const { rules, pool, pod, patch } = await abandonedWorld();
  await pod('x', await pool('p', {}), { [Label.poolRevision]: 'old' });
  const status = { revision: 'new', total: 1, allocated: 0, available: 0 };
  await patch(`${userPath('pools', 'p')}/status`, { status });
  expect(rules()).toEqual(['R70', 'R60']);
  await patch(`${userPath('pools', 'p')}/status`, { status: { conditions: [{ type: 'ScaleBlocked', status: 'True', reason: 'ImagePull' }] } });
  expect(rules()).toEqual(['R60']);
});
