import type { SandboxReply } from '../../../src/schema/lifecycle-reply';
import { until } from '../../support/waiting';
import { pooled, type ServerUnderTest } from './server-under-test';

/** Creates that come at once, and pods of their pool. */
const SIZE = 100;

/** What comes all at once. */
export function burstSuite(server: ServerUnderTest): void {
  test('of a hundred creates at once each has a pod where there are as many, and half of them the honest error where there are half; none leaves anything (L16)', async () => {
    const { operator, createPool, replica } = server.world;
    // A pod that comes back is idle at once.
    await createPool('crowd', SIZE, { recycleStrategy: { type: 'Noop' } });
    const { send } = await replica('[kubernetes]\nsandbox_create_timeout_seconds = 60\npool_acquisition_timeout_seconds = 1\n');
    const burst = () => Promise.all(Array.from({ length: SIZE }, () => send<SandboxReply & { code?: string }>('POST', '/v1/sandboxes', { body: pooled({ extensions: { poolRef: 'crowd' } }) })));
    const remove = (ids: readonly string[]) => Promise.all(ids.map((id) => send('DELETE', `/v1/sandboxes/${id}`)));
    /** Waits until so many sandboxes are left, and all other pods are idle; answers their pods. */
    const untilLeft = (count: number) =>
      until(async () => {
        const batches = await operator.batches();
        expect(batches).toHaveLength(count);
        expect((await operator.pool('crowd')).status).toMatchObject({ total: SIZE, allocated: count, available: SIZE - count });
        return batches.map(({ status }) => `${status?.allocation?.podPrefix ?? ''}${status?.allocation?.slots?.[0]?.split('/')[0] ?? ''}`);
      });

    const all = await burst();
    expect(all.map(({ status }) => status)).toEqual(Array<number>(SIZE).fill(202));
    expect(new Set(await untilLeft(SIZE)).size).toBe(SIZE);
    const ids = all.map(({ body }) => body.id);
    await remove(ids.slice(SIZE / 2));
    await untilLeft(SIZE / 2);

    const half = await burst();
    const [made, refused] = [half.filter(({ status }) => status === 202), half.filter(({ status }) => status !== 202)];
    expect(made).toHaveLength(SIZE / 2);
    for (const { status, body, headers } of refused) expect([status, body.code, headers.get('retry-after')]).toEqual([429, 'KUBERNETES::POOL_CAPACITY_EXHAUSTED', '5']);
    expect(new Set(await untilLeft(SIZE)).size).toBe(SIZE);
    await remove([...ids.slice(0, SIZE / 2), ...made.map(({ body }) => body.id)]);
    await untilLeft(0);
    await send('DELETE', '/v1/pools/crowd');
    await until(async () => expect((await send('GET', '/v1/pools/crowd')).status).toBe(404));
  });
}
