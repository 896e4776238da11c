import { OwnWrites } from '../../operator/own-writes';
import { tellOfPool } from '../../operator/pool-changes';
import type { Pool } from '../../src/schema/pool';

const poolAt = (version: number, condition?: string): Pool => ({
  metadata: { namespace: 'ns', name: 'p', uid: 'u', resourceVersion: String(version) },
  spec: { capacitySpec: { bufferMin: 0, bufferMax: 1, poolMin: 0, poolMax: 5 } },
  status: { revision: 'r', total: version, allocated: 0, available: 0, ...(condition !== undefined && { conditions: [{ type: 'ScaleBlocked', status: 'True', reason: condition, lastTransitionTime: '2026-01-01T00:00:00Z' }] }) },
});

/** A write of version 1 under way, and who is told of what the watch shows. */
function newWrite() {
  const ownWrites = new OwnWrites();
  const told: string[] = [];
  const queue = { add: () => told.push('pool'), forget: () => told.push('nobody looks') };
  const followers = { queue, recycler: { poolChanged: () => told.push('recycler') }, waiting: { poolChanged: () => told.push('waiting') } };
  const see = (before: Pool | undefined, after: Pool | undefined) => tellOfPool({ key: 'ns/p', before, after }, ownWrites, followers);
  let answer: (pool: Pool) => void = () => undefined;
  const written = ownWrites.write(poolAt(1), () => new Promise<Pool>((resolve) => (answer = resolve)));
  const end = async (pool: Pool) => {
    answer(pool);
    await written;
  };
  return { told, see, end };
}

const ALL = ['pool', 'recycler', 'waiting'];

test.each<[string, (write: ReturnType<typeof newWrite>) => Promise<void>, readonly string[]]>([
  ['our own counts tell nobody', async ({ see, end }) => { await end(poolAt(2)); see(poolAt(1), poolAt(2)); }, []],
  ['our own counts that the watch shows before the answer tell nobody', async ({ see, end }) => { see(poolAt(1), poolAt(2)); await end(poolAt(2)); }, []],
  ['another condition of our own tells the batches that wait', async ({ see, end }) => { await end(poolAt(2, 'PoolMax')); see(poolAt(1), poolAt(2, 'PoolMax')); }, ['waiting']],
  ['an edit by others tells all', async ({ see, end }) => { await end(poolAt(2)); see(poolAt(2), poolAt(3)); }, ALL],
  ['an edit by others that is seen before the answer tells all after it', async ({ see, end, told }) => { see(poolAt(1), poolAt(3)); expect(told).toEqual([]); await end(poolAt(2)); }, ALL],
  ['a pool that is gone tells all but its own pass', ({ see }) => Promise.resolve(see(poolAt(1), undefined)), ['nobody looks', 'recycler', 'waiting']],
])('%s', async (_title, act, want) => {
  const write = newWrite();
  await act(write);
  expect(write.told).toEqual(want);
});
