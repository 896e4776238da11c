import { RecentLosses } from '../../../server/pools/recent-losses';
import { untilReady } from '../../../server/sandboxes/creation';
import { PodHolders } from '../../../server/sandboxes/pod-holders';
import { judgeCreate } from '../../../server/sandboxes/verdict';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { SandboxReply } from '../../../src/schema/lifecycle-reply';
import { Annotation } from '../../../src/schema/names';
import type { Pool } from '../../../src/schema/pool';
import { ManualClock, settle } from '../../support/manual-clock';
import { until } from '../../support/waiting';
import { BRISK, POOL_SIZE, pooled, type ServerUnderTest } from './server-under-test';

/** How long a create waits here for a pod that comes back, in ms. */
const ROOM_MS = 1_000;

const waiting = (reason: string): BatchSandbox => ({
  metadata: { name: 'a', uid: 'a' },
  spec: { replicas: 1, poolRef: 'warm' },
  status: { phase: 'Pending', conditions: [{ type: 'PoolAllocationPending', status: 'True', reason, message: 'why' }] } as BatchSandbox['status'],
});
const poolWith = (total: number, allocated: number, available: number): Pool => ({
  metadata: { name: 'warm' },
  spec: { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 4 } },
  status: { revision: 'r', total, allocated, available },
});
/** What creates are judged at here: sandboxes have four pods of their pool, and none has left. */
const QUIET = { now: new Date('2026-01-01T00:00:00Z'), holders: 4, sinceLeftMs: Infinity };
/** A pool that is held back for so long, in ms. */
const heldBack = ({ status, ...pool }: Pool, forMs: number, reason = 'QuotaExceeded'): Pool => ({
  ...pool,
  status: { ...status, conditions: [{ type: 'ScaleBlocked', status: 'True', reason, message: 'why', lastTransitionTime: new Date(QUIET.now.getTime() - forMs).toISOString() }] } as Pool['status'],
});

/** A sandbox that has a pod of the pool. */
const holding = (name: string): BatchSandbox => ({ metadata: { name, uid: name, annotations: { [Annotation.endpoints]: '["10.0.0.1"]' } }, spec: { replicas: 1, poolRef: 'warm' } });

/** A create that waits for its pool, of which others have four pods, and what it hears. */
class Waiting {
  readonly clock = new ManualClock();
  readonly holders = new PodHolders(this.clock);
  readonly losses = new RecentLosses(this.clock);
  outcome = 'none';
  private readonly listeners = new Set<() => void>();

  constructor(
    private batch: BatchSandbox,
    private pool: Pool | undefined,
  ) {
    for (const name of ['1', '2', '3', '4']) this.holders.note(undefined, holding(name));
    const listen = (listener: () => void) => {
      this.listeners.add(listener);
      return () => this.listeners.delete(listener);
    };
    const context = {
      store: { find: () => this.batch, onChange: (_id: string, listener: () => void) => listen(listener), holders: this.holders },
      pools: { find: () => this.pool, onChange: (_name: string, listener: () => void) => listen(listener), sinceLossMs: (name: string) => this.losses.sinceMs(name) },
      clock: this.clock,
      patience: { startedAtMs: 0, readyMs: 20_000, roomMs: ROOM_MS },
    };
    untilReady(this.batch, context, new AbortController().signal).then(
      () => (this.outcome = 'ready'),
      ({ status, code }: { status: number; code: string }) => (this.outcome = `${status} ${code}`),
    );
  }

  async hears({ batch = this.batch, pool = this.pool }: { readonly batch?: BatchSandbox; readonly pool?: Pool }): Promise<void> {
    this.losses.note(this.pool, pool);
    [this.batch, this.pool] = [batch, pool];
    this.listeners.forEach((listener) => listener());
    await settle();
  }

  get listenerCount(): number {
    return this.listeners.size;
  }
}

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
    ['of which nothing is told yet', undefined, Infinity, 'waits'],
    ['that was refused pods a moment ago', heldBack(poolWith(2, 2, 0), 1_000), Infinity, 'waits 39000 ms'],
    ['that was refused pods for almost as long as they take to end', heldBack(poolWith(2, 2, 0), 39_999), Infinity, 'waits 1 ms'],
    ['that was refused pods for longer', heldBack(poolWith(2, 2, 0), 40_000), Infinity, QUOTA],
    ['that was refused pods for longer, and has none', heldBack(poolWith(0, 0, 0), 3_600_000), Infinity, QUOTA],
    ['a pod of which ends', heldBack(poolWith(1, 1, 0), 3_600_000), 0, 'waits 40000 ms'],
    ['a pod of which left long ago', heldBack(poolWith(1, 1, 0), 3_600_000), 40_000, QUOTA],
    ['a pod of which starts', heldBack(poolWith(2, 1, 0), 3_600_000), Infinity, 'waits'],
    ['a pod of which is idle', heldBack(poolWith(2, 1, 1), 3_600_000), Infinity, 'waits'],
    ['whose last pod may be for it', heldBack(poolWith(2, 2, 0), 3_600_000), Infinity, 'waits', 1],
    ['that is held back by something else by now', heldBack(poolWith(2, 2, 0), 3_600_000, 'PoolMax'), Infinity, 'waits'],
  ])('a quota is final when the pods that end have gone: a pool %s (L19)', (_title, pool, sinceLeftMs, want, holders = 4) => {
    const verdict = judgeCreate(waiting('QuotaExceeded'), pool, { ...QUIET, holders, sinceLeftMs });
    const { lookInMs } = verdict.kind === 'wait' ? verdict : {};
    expect(verdict.kind === 'failed' ? verdict.error.code : `waits${lookInMs === undefined ? '' : ` ${lookInMs} ms`}`).toBe(want);
  });

  test('a create looks by itself when its quota is certain, and that is later when a pod ends meanwhile (L19)', async () => {
    const blocked = (total: number) => heldBack(poolWith(total, total, 0), 35_000);
    const create = new Waiting(waiting('QuotaExceeded'), blocked(2));
    await create.clock.advance(4_999);
    expect(create.outcome).toBe('none');
    await create.clock.advance(1);
    expect([create.outcome, create.listenerCount, create.clock.timerCount]).toEqual([`403 ${QUOTA}`, 0, 0]);
    const other = new Waiting(waiting('QuotaExceeded'), blocked(2));
    await other.hears({ pool: blocked(1) });
    await other.clock.advance(20_000);
    expect(other.outcome).toBe('503 KUBERNETES::POD_READY_TIMEOUT');
  });

  test.each(['PoolExhausted', 'Queued'])('a create ends as soon as its pool says that sandboxes have all pods, however late after the %s of its own (L16)', async (reason) => {
    const create = new Waiting(waiting(reason), poolWith(3, 2, 0));
    await create.clock.advance(ROOM_MS / 2);
    expect(create.outcome).toBe('none');
    await create.hears({ pool: poolWith(4, 4, 0) });
    expect([create.outcome, create.listenerCount, create.clock.timerCount]).toEqual([`429 ${FULL}`, 0, 0]);
  });

  test('a create whose time is over is told that its pool is full when that is so, and else that it was not ready (L16)', async () => {
    const create = new Waiting(waiting('Queued'), poolWith(3, 3, 0));
    await create.clock.advance(19_500);
    await create.hears({ pool: poolWith(4, 3, 0) });
    expect(create.outcome).toBe('none');
    await create.clock.advance(500);
    expect(create.outcome).toBe(`429 ${FULL}`);
    const other = new Waiting(waiting('Queued'), poolWith(3, 3, 0));
    await other.clock.advance(20_000);
    expect(other.outcome).toBe('503 KUBERNETES::POD_READY_TIMEOUT');
  });

  test('a pod that comes back is waited for, for as long as nothing is certain, and no longer than for room (L16)', async () => {
    const create = new Waiting(waiting('PoolExhausted'), poolWith(4, 3, 0));
    create.holders.note(undefined, holding('b'));
    create.holders.note(holding('b'), undefined);
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
    const leaving = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(holders.sinceReturnMs('warm')).toBe(Infinity);
    holders.note(sandbox('waits', {}, {}), undefined); // it had none
    for (const name of ['a', 'b']) holders.note(undefined, sandbox(name));
    expect(holders.sinceReturnMs('warm')).toBe(Infinity);
    holders.note(sandbox('a'), sandbox('a', leaving));
    holders.note(sandbox('b'), sandbox('b', leaving));
    await clock.advance(500);
    holders.note(sandbox('a', leaving), undefined);
    expect([holders.sinceReturnMs('warm'), holders.sinceReturnMs('cold')]).toEqual([0, Infinity]);
    expect([holders.count('warm'), holders.count('cold')]).toEqual([1, 0]);
    holders.note(sandbox('b', leaving), { ...sandbox('c'), metadata: { name: 'b', uid: 'c' } });
    await clock.advance(500);
    expect(holders.sinceReturnMs('warm')).toBe(500);
    holders.note(sandbox('d'), undefined);
    expect(holders.sinceReturnMs('warm')).toBe(0);
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
