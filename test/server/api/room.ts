import { PodHolders } from '../../../server/sandboxes/pod-holders';
import { judgeCreate } from '../../../server/sandboxes/verdict';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { SandboxReply } from '../../../src/schema/lifecycle-reply';
import type { Pool } from '../../../src/schema/pool';
import { ManualClock } from '../../support/manual-clock';
import { until } from '../../support/waiting';
import { BRISK, POOL_SIZE, pooled, type ServerUnderTest } from './server-under-test';
import { BEGIN, holding, quietStores, ROOM_MS, Waiting } from './waiting-create';

const LEAVING = { deletionTimestamp: '2026-01-01T00:00:00Z' };
const waiting = (reason: string, poolRef = 'warm'): BatchSandbox => ({
  metadata: { name: 'a', uid: 'a' },
  spec: { replicas: 1, poolRef },
  status: { phase: 'Pending', conditions: [{ type: 'PoolAllocationPending', status: 'True', reason, message: 'why' }] } as BatchSandbox['status'],
});
const poolWith = (total: number, allocated: number, available: number, name = 'warm'): Pool => ({
  metadata: { name, uid: name },
  spec: { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 4 } },
  status: { revision: 'r', total, allocated, available },
});
/** What creates are judged at here: sandboxes have four pods of their pool, and none has left for long. */
const QUIET = { now: BEGIN, holders: 4, sinceLeftMs: 3_600_000 };
/** A pool that is held back for so long, in ms. */
const heldBack = ({ status, ...pool }: Pool, forMs: number, reason = 'QuotaExceeded'): Pool => ({
  ...pool,
  status: { ...status, conditions: [{ type: 'ScaleBlocked', status: 'True', reason, message: 'why', lastTransitionTime: new Date(QUIET.now.getTime() - forMs).toISOString() }] } as Pool['status'],
});

/** What creates are told for whom their pool has no pod. */
export function roomSuite(server: ServerUnderTest): void {
  const FULL = 'KUBERNETES::POOL_CAPACITY_EXHAUSTED';
  const QUOTA = 'KUBERNETES::QUOTA_EXCEEDED';

  test.each<[string, string, Pool | undefined, string, number?]>([
    ['a full pool of which nothing is told yet', 'PoolExhausted', undefined, `${FULL}, perhaps`],
    ['a full pool whose status is of before', 'PoolExhausted', poolWith(4, 3, 1), `${FULL}, perhaps`],
    ['a full pool whose pods sandboxes have', 'PoolExhausted', poolWith(4, 4, 0), `${FULL}, surely`],
    ['a full pool of whose pods one may be for it', 'PoolExhausted', poolWith(4, 4, 0), `${FULL}, perhaps`, 3],
    ['a line before a pool whose last pod may be for it', 'Queued', poolWith(4, 4, 0), `${FULL}, perhaps`, 3],
    ['a full pool of which a pod starts', 'PoolExhausted', poolWith(4, 3, 0), `${FULL}, perhaps`],
    ['a full pool of which a pod ends', 'PoolExhausted', poolWith(3, 3, 0), `${FULL}, perhaps`],
    ['a line before a pool that grows', 'Queued', poolWith(3, 3, 0), 'nothing'],
    ['a line before a pool that starts its last pod', 'Queued', poolWith(4, 3, 0), `${FULL}, perhaps`],
    ['a line before a pool whose pods sandboxes have', 'Queued', poolWith(4, 4, 0), `${FULL}, surely`],
    ['a pool that grows', 'PoolScaling', poolWith(4, 4, 0), 'nothing'],
  ])('a create is told what it lacks, and whether that is certain: %s (L16, L19)', (_title, reason, pool, want, holders = 4) => {
    const verdict = judgeCreate(waiting(reason), pool, { ...QUIET, holders });
    const { lack } = verdict.kind === 'wait' ? verdict : {};
    expect([verdict.kind, lack === undefined ? 'nothing' : `${lack.error.code}, ${lack.isCertain ? 'surely' : 'perhaps'}`]).toEqual(['wait', want]);
  });

  test.each<[title: string, pool: Pool | undefined, sinceLeftMs: number, want: string, holders?: number]>([
    ['of which nothing is told yet', undefined, QUIET.sinceLeftMs, 'waits'],
    ['that was refused pods a moment ago', heldBack(poolWith(2, 2, 0), 1_000), QUIET.sinceLeftMs, 'waits 39000 ms'],
    ['that was refused pods for almost as long as they take to end', heldBack(poolWith(2, 2, 0), 39_999), QUIET.sinceLeftMs, 'waits 1 ms'],
    ['that was refused pods for longer', heldBack(poolWith(2, 2, 0), 40_000), QUIET.sinceLeftMs, QUOTA],
    ['that was refused pods for longer, and has none', heldBack(poolWith(0, 0, 0), 3_600_000), QUIET.sinceLeftMs, QUOTA],
    ['a pod of which ends', heldBack(poolWith(1, 1, 0), 3_600_000), 0, 'waits 40000 ms'],
    ['a pod of which left long ago', heldBack(poolWith(1, 1, 0), 3_600_000), 40_000, QUOTA],
    ['a pod of which starts', heldBack(poolWith(2, 1, 0), 3_600_000), QUIET.sinceLeftMs, 'waits'],
    ['a pod of which is idle', heldBack(poolWith(2, 1, 1), 3_600_000), QUIET.sinceLeftMs, 'waits'],
    ['whose last pod may be for it', heldBack(poolWith(2, 2, 0), 3_600_000), QUIET.sinceLeftMs, 'waits', 1],
    ['that is held back by something else by now', heldBack(poolWith(2, 2, 0), 3_600_000, 'PoolMax'), QUIET.sinceLeftMs, 'waits'],
  ])('a quota is final when the pods that end have gone: a pool %s (L19)', (_title, pool, sinceLeftMs, want, holders = 4) => {
    const verdict = judgeCreate(waiting('QuotaExceeded'), pool, { ...QUIET, holders, sinceLeftMs });
    const { lookInMs } = verdict.kind === 'wait' ? verdict : {};
    expect(verdict.kind === 'failed' ? verdict.error.code : `waits${lookInMs === undefined ? '' : ` ${lookInMs} ms`}`).toBe(want);
  });

  test('a create looks by itself when its quota is certain, and that is later when a pod ends meanwhile (L19)', async () => {
    const blocked = (total: number) => heldBack(poolWith(total, total, 0), 35_000);
    const create = await Waiting.begin(waiting('QuotaExceeded'), blocked(2));
    await create.clock.advance(4_999);
    expect(create.outcome).toBe('none');
    await create.clock.advance(1);
    expect(create.end).toEqual([`403 ${QUOTA}`, 0, 0]);
    const other = await Waiting.begin(waiting('QuotaExceeded'), blocked(2));
    await other.hears({ pool: blocked(1) });
    await other.clock.advance(20_000);
    expect(other.end).toEqual(['503 KUBERNETES::POD_READY_TIMEOUT', 0, 0]);
  });

  test.each([
    ['of another pool', 'cold'],
    ['without a pool', ''],
  ])('a quota is of the namespace: it is not certain while a sandbox %s ends, nor soon after (L19)', async (_title, poolRef) => {
    const create = await Waiting.begin(waiting('QuotaExceeded'), heldBack(poolWith(2, 2, 0), 35_000));
    await create.shows(holding('b', poolRef));
    await create.shows(holding('b', poolRef, LEAVING));
    await create.clock.advance(20_000);
    expect(create.end).toEqual(['503 KUBERNETES::POD_READY_TIMEOUT', 0, 0]);
  });

  test.each([
    [40_000, 0],
    [30_000, 10_000],
  ])('a server that has been there for %d ms is certain of an old quota after %d ms: of before its start it knows nothing (L19)', async (upMs, wantMs) => {
    const create = await Waiting.begin(waiting('QuotaExceeded'), heldBack(poolWith(2, 2, 0), 3_600_000), { upMs });
    if (wantMs > 0) {
      await create.clock.advance(wantMs - 1);
      expect(create.outcome).toBe('none');
      await create.clock.advance(1);
    }
    expect([create.clock.monotonicMs() - upMs, ...create.end]).toEqual([wantMs, `403 ${QUOTA}`, 0, 0]);
  });

  test.each(['PoolExhausted', 'Queued'])('a create ends as soon as its pool says that sandboxes have all pods, however late after the %s of its own (L16)', async (reason) => {
    const create = await Waiting.begin(waiting(reason), poolWith(3, 2, 0));
    await create.clock.advance(ROOM_MS / 2);
    expect(create.outcome).toBe('none');
    await create.hears({ pool: poolWith(4, 4, 0) });
    expect(create.end).toEqual([`429 ${FULL}`, 0, 0]);
  });

  test.each([
    ['PoolExhausted', poolWith(4, 4, 0), `429 ${FULL}`],
    ['Queued', poolWith(4, 4, 0), `429 ${FULL}`],
    ['QuotaExceeded', heldBack(poolWith(4, 4, 0), 3_600_000), `403 ${QUOTA}`],
  ])('a create ends as soon as the last other sandbox shows its pod, however late after the %s of its own (L16, L19)', async (reason, pool, want) => {
    const create = await Waiting.begin(waiting(reason), pool, { holders: 3 });
    const beganMs = create.clock.monotonicMs();
    await create.shows(holding('of-another-pool', 'cold'));
    expect(create.outcome).toBe('none');
    await create.shows(holding('last'));
    expect([create.clock.monotonicMs(), ...create.end]).toEqual([beganMs, want, 0, 0]);
  });

  test('a create listens to other sandboxes where these are counted alone, to those of its pool of now, and to nothing once its caller has gone', async () => {
    const create = await Waiting.begin(waiting('Queued'), poolWith(4, 4, 0), { holders: 3 });
    const heard = [create.end];
    // Others listen to the same.
    create.pools.onChange('warm', () => undefined);
    create.sandboxes.holders.onMore('warm', () => undefined);
    await create.hears({ pool: poolWith(4, 4, 0) });
    await create.shows(holding('of-another-pool', 'cold'));
    for (const batch of [waiting('PoolScaling'), waiting('PoolExhausted'), waiting('PoolExhausted', 'cold')]) {
      await create.hears({ batch });
      heard.push(create.end);
    }
    await create.hears({ pool: poolWith(4, 4, 0, 'cold') });
    await create.shows(holding('last'));
    heard.push(create.end);
    await create.leave();
    expect([...heard, create.end]).toEqual([['none', 3, 2], ['none', 2, 1], ['none', 3, 2], ['none', 2, 2], ['none', 3, 2], ['503 GENERAL::SHUTTING_DOWN', 0, 0]]);
  });

  test('a create whose time is over is told that its pool is full when that is so, and else that it was not ready (L16)', async () => {
    const create = await Waiting.begin(waiting('Queued'), poolWith(3, 3, 0));
    await create.clock.advance(19_500);
    await create.hears({ pool: poolWith(4, 3, 0) });
    expect(create.outcome).toBe('none');
    await create.clock.advance(500);
    expect(create.outcome).toBe(`429 ${FULL}`);
    const other = await Waiting.begin(waiting('Queued'), poolWith(3, 3, 0));
    await other.clock.advance(20_000);
    expect(other.outcome).toBe('503 KUBERNETES::POD_READY_TIMEOUT');
  });

  test('a pod that comes back is waited for, for as long as nothing is certain, and no longer than for room (L16)', async () => {
    const create = await Waiting.begin(waiting('PoolExhausted'), poolWith(4, 3, 0));
    await create.shows(holding('b'));
    await create.sandboxes.remove(holding('b'));
    await create.hears({ pool: poolWith(4, 4, 0) });
    await create.clock.advance(ROOM_MS - 1);
    expect(create.outcome).toBe('none');
    await create.clock.advance(1);
    expect(create.outcome).toBe(`429 ${FULL}`);
  });

  test('a pool has had a pod back when a sandbox that had one is deleted, until that has gone, and then for a while', async () => {
    const clock = new ManualClock();
    const holders = new PodHolders(clock);
    const sandbox = (uid: string, metadata: object = {}, status: object = { replicas: 1 }) => ({ metadata: { name: uid, uid, ...metadata }, spec: { poolRef: 'warm' }, status }) as BatchSandbox;
    expect(holders.sinceReturnMs('warm')).toBe(Infinity);
    holders.note(sandbox('waits', {}, {}), undefined); // it had none
    for (const name of ['a', 'b']) holders.note(undefined, sandbox(name));
    expect(holders.sinceReturnMs('warm')).toBe(Infinity);
    holders.note(sandbox('a'), sandbox('a', LEAVING));
    holders.note(sandbox('b'), sandbox('b', LEAVING));
    await clock.advance(500);
    holders.note(sandbox('a', LEAVING), undefined);
    expect([holders.sinceReturnMs('warm'), holders.sinceReturnMs('cold')]).toEqual([0, Infinity]);
    expect([holders.count('warm'), holders.count('cold')]).toEqual([1, 0]);
    holders.note(sandbox('b', LEAVING), { ...sandbox('c'), metadata: { name: 'b', uid: 'c' } });
    await clock.advance(500);
    expect(holders.sinceReturnMs('warm')).toBe(500);
    holders.note(sandbox('d'), undefined);
    expect(holders.sinceReturnMs('warm')).toBe(0);
  });

  test('a pool that is left for long keeps its count when the last sandbox of it is said to have a pod of another', async () => {
    const clock = new ManualClock();
    const holders = new PodHolders(clock);
    holders.note(undefined, holding('a', 'warm', LEAVING));
    await clock.advance(3_600_000);
    holders.note(holding('a', 'warm', LEAVING), holding('a', 'cold', LEAVING));
    holders.note(undefined, holding('b', 'warm', LEAVING));
    await clock.advance(500);
    expect([holders.sinceReturnMs('warm'), holders.sinceReturnMs('cold')]).toEqual([0, 0]);
  });

  test('the last end is that of a sandbox of any pool or of none that may have had a pod, and at first the start', async () => {
    const clock = new ManualClock();
    await clock.advance(1_000);
    const holders = new PodHolders(clock);
    /** Notes a change, and answers the ms since the last end, of now and of 500 ms later. */
    const after = async (...[before, now]: [BatchSandbox | undefined, BatchSandbox?]): Promise<[now: number, later: number]> => {
      holders.note(before, now);
      const sinceMs = holders.sinceEndMs();
      await clock.advance(500);
      return [sinceMs, holders.sinceEndMs()];
    };
    const direct = (status?: object) => ({ metadata: { name: 'd', uid: 'd' }, spec: { replicas: 1 }, status }) as BatchSandbox;
    const refused = direct({ replicas: 0, conditions: [{ type: 'Progressing', status: 'True', reason: 'QuotaExceeded' }] });
    expect([
      await after(undefined, holding('a', 'cold')), // a beginning is no end
      await after(holding('a', 'cold'), holding('a', 'cold', LEAVING)),
      await after(undefined, holding('b', '', LEAVING)),
      await after(holding('a', 'cold', LEAVING), undefined),
      await after(holding('b', '', LEAVING), undefined),
      await after(direct(), undefined), // its pod may have been made
      await after(refused, undefined),
      await after(waiting('PoolExhausted'), undefined),
      await after(direct({ replicas: 1 }), direct({ replicas: 0 })), // it was evicted
      await after(direct({ replicas: 0 }), direct({ replicas: 1 })),
    ]).toEqual([[0, 500], [0, 0], [0, 0], [0, 0], [0, 500], [0, 500], [500, 1_000], [1_000, 1_500], [0, 500], [500, 1_000]]);
  });

  test('the last loss is that of any pool that has fewer pods, is gone, or is another by now, and at first the start', async () => {
    const clock = new ManualClock();
    await clock.advance(1_000);
    const { pools } = quietStores(clock);
    const step = async (write: () => Promise<unknown>): Promise<number> => {
      await clock.advance(500);
      await write();
      return pools.sinceLossMs();
    };
    const [warm, cold] = [poolWith(4, 4, 0), poolWith(0, 0, 0, 'cold')];
    expect([
      await step(() => pools.create(warm, 'warm')),
      await step(() => pools.create(cold, 'cold')),
      await step(() => pools.create(poolWith(3, 3, 0), 'warm')),
      await step(() => pools.create(poolWith(4, 3, 0), 'warm')),
      await step(() => pools.create({ ...warm, metadata: { ...warm.metadata, uid: 'another' } }, 'warm')),
      await step(() => pools.remove(cold)),
    ]).toEqual([500, 1_000, 0, 500, 0, 0]);
  });

  test('a full pool is told while the clock stands still, and a pod that comes back is waited for (L16)', async () => {
    const { operator, replica } = server.world;
    await Promise.all(Array.from({ length: POOL_SIZE }, () => server.create()));
    const still = await replica(BRISK, { clock: new ManualClock(new Date()) });
    const [first] = (await server.list()).items;
    expect(await still.send('POST', '/v1/sandboxes', { body: pooled() })).toMatchObject({ status: 429, body: { code: FULL } });
    await until(async () => expect((await operator.batches()).length).toBe(POOL_SIZE));
    expect((await still.send('DELETE', `/v1/sandboxes/${first?.id ?? ''}`)).status).toBe(204);
    const making = still.send<SandboxReply>('POST', '/v1/sandboxes', { body: pooled() });
    const answers: unknown[] = [];
    void making.then((answer) => answers.push(answer.status));
    await until(async () => {
      await operator.makeReady();
      expect(answers).toEqual([202]);
    });
  });
}
