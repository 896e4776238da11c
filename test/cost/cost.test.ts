import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { OPERATOR_AGENT } from '../../src/schema/names';
import { readyStatus } from '../support/hand-made-pods';
import { type OperatorInProcess, pathOf, startOperator } from '../support/operator-in-process';
import { endpointsOf } from '../support/space';
import { until } from '../support/waiting';
import { taskCommand } from '../faults/executors';
import { templateOf } from '../faults/simulated-templates';
import { CostWorld } from './cost-world';
import { faultOf, ExecutionCounter } from './execution-counter';

/** Pods of the large world: no count below may come near it. */
const MANY = 10_000;

let executions: ExecutionCounter;

beforeAll(async () => {
  executions = await ExecutionCounter.open(join(__dirname, '../..'), ['operator']);
});
afterAll(() => executions.close());

describe(`among ${MANY} warm pods`, () => {
  let world: CostWorld;

  beforeAll(async () => {
    world = await CostWorld.start(MANY);
    // The first pods that are given out find the others in the order in which they were listed.
    await world.count(() => world.createBatch('first', { replicas: 1 }));
  });
  afterAll(() => world.close());

  /** What passes and what the operator runs for one thing that happens. */
  const cost = async (work: () => Promise<void>) => {
    await executions.take();
    const traffic = await world.count(work);
    return { ...traffic, execution: await executions.take() };
  };
  const notReady = () => ({ conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }] }) as const;

  test.each([1, 100, 1_000])('a batch of %d takes two writes of the operator, beside the counts of the pool and an event (R17)', async (replicas) => {
    const { requests, execution } = await cost(() => world.createBatch(`writes-${replicas}`, { replicas }));
    expect(world.batch(`writes-${replicas}`)?.status).toMatchObject({ ready: replicas });
    expect(requests).toEqual({ 'PATCH batchsandboxes/status': 1, 'PATCH batchsandboxes': 1, 'PATCH pools/status': 1, 'POST events': 1 });
    expect(faultOf(execution, 3_000 + 200 * replicas, 100 + 10 * replicas)).toBeUndefined();
  });

  test('while batches come one after another, the counts of their pool are written 4 times a second and no more', async () => {
    const { requests, sentAtMs } = await cost(async () => {
      for (let index = 0; index < 20; index += 1) {
        await world.createBatch(`burst-${index}`, { replicas: 1 });
        await world.pass(60);
      }
    });
    expect(requests['PATCH batchsandboxes/status']).toBe(20);
    const writtenAtMs = sentAtMs['PATCH pools/status'] ?? [];
    // A request takes up to 3 ms.
    expect(writtenAtMs.filter((atMs, index) => atMs - (writtenAtMs[index - 1] ?? -Infinity) < 250 - 3)).toEqual([]);
    expect(writtenAtMs.length).toBeGreaterThan(2);
  });

  test('of a delivery of 100 the operator reads the batch as it was made and what became of it by both writes, told by the watch, and of each answer the metadata', async () => {
    const { bytes } = await cost(() => world.createBatch('bytes', { replicas: 100 }));
    const batch = world.batch('bytes');
    const [size, metadataSize] = [JSON.stringify(batch).length, JSON.stringify(batch?.metadata).length];
    expect(Object.keys(bytes).sort()).toEqual(['PATCH batchsandboxes', 'PATCH batchsandboxes/status', 'PATCH pools/status', 'POST events', 'watch batchsandboxes', 'watch pools']);
    for (const answer of ['PATCH batchsandboxes', 'PATCH batchsandboxes/status']) {
      expect(bytes[answer]).toBeGreaterThan(0);
      expect(bytes[answer]).toBeLessThanOrEqual(metadataSize + 100);
    }
    expect(bytes['watch batchsandboxes']).toBeGreaterThan(size);
    expect(bytes['watch batchsandboxes']).toBeLessThan(2.5 * size);
    expect(size).toBeLessThan(12_000);
  });

  test('an event of a pod that nobody has costs its own bytes and the counts of the pool, and looks at no other pod (R134)', async () => {
    const name = world.freePod();
    const { requests, bytes, execution } = await cost(() => world.setPodStatus(name, notReady()));
    expect(requests).toEqual({ 'PATCH pools/status': 1 });
    const size = JSON.stringify(world.pod(name)).length;
    expect(bytes['watch pods']).toBeGreaterThan(size);
    expect(bytes['watch pods']).toBeLessThan(size + 50);
    expect(faultOf(execution, 2_000, 100)).toBeUndefined();
    const again = await cost(() => world.setPodStatus(name, readyStatus('198.18.0.1')));
    expect(faultOf(again.execution, 2_000, 100)).toBeUndefined();
  });

  test('an event of a pod of a batch costs a look at that batch', async () => {
    await world.createBatch('held', { replicas: 100 });
    await world.rest();
    const { requests, execution } = await cost(() => world.setPodStatus(world.podOf('held'), notReady()));
    expect(requests).toEqual({ 'PATCH batchsandboxes/status': 1 });
    expect(faultOf(execution, 20_000, 1_000)).toBeUndefined();
  });

  test('an event of a pod that changes nothing costs nothing', async () => {
    const { requests, execution } = await cost(() => world.setPodStatus(world.freePod(), { message: 'something that no plan reads' }));
    expect(requests).toEqual({});
    expect(faultOf(execution, 500, 50)).toBeUndefined();
  });

  test('a batch of 50 that is given back costs a delete of each pod at most', async () => {
    await world.createBatch('returned', { replicas: 50 });
    await world.rest();
    const { requests, execution } = await cost(() => world.deleteBatch('returned'));
    expect(world.batch('returned')).toBeUndefined();
    const ofPods = Object.entries(requests).filter(([what]) => what.endsWith(' pods') && what !== 'POST pods');
    const countOfPods = ofPods.reduce((sum, [, count]) => sum + count, 0);
    expect(countOfPods).toBeGreaterThan(0);
    expect(countOfPods).toBeLessThanOrEqual(50);
    expect(requests['PATCH batchsandboxes']).toBe(1);
    expect(faultOf(execution, 100_000, MANY / 2)).toBeUndefined();
  });
});

test('while 100 tasks end one after another, the status of their batch is written 10 times a second at most (R133)', async () => {
  const world = await CostWorld.start(100);
  const shardTaskPatches = Array.from({ length: 100 }, (_, slot) => ({ spec: { process: { command: taskCommand(1 + slot / 50, 0, 'polite') } } }));
  const { sentAtMs } = await world.count(() => world.createBatch('tasks', { replicas: 100, taskTemplate: { spec: {} }, shardTaskPatches }));
  expect(world.batch('tasks')?.status).toMatchObject({ taskSucceed: 100 });
  const writtenAtMs = sentAtMs['PATCH batchsandboxes/status'] ?? [];
  // A request takes up to 3 ms.
  const tooSoon = writtenAtMs.filter((atMs, index) => atMs - (writtenAtMs[index - 10] ?? -Infinity) < 1_000 - 3);
  expect(tooSoon).toEqual([]);
  expect(writtenAtMs.length).toBeGreaterThan(10);
  world.close();
});

test('while the pods of a batch that makes its own become Ready, its status is written 4 times a second and no more, whatever comes (R133)', async () => {
  const world = await CostWorld.start(1);
  const { sentAtMs } = await world.count(() => world.createBatch('cold', { replicas: 200, poolRef: undefined, template: templateOf('good', 1) }));
  expect(world.batch('cold')?.status).toMatchObject({ ready: 200 });
  // The first write is that of the pass that made them, the last one does not wait.
  const progress = (sentAtMs['PATCH batchsandboxes/status'] ?? []).slice(1, -1);
  expect(progress.filter((atMs, index) => atMs - (progress[index - 4] ?? -Infinity) < 1_000)).toEqual([]);
  expect(progress.length).toBeGreaterThan(4);
  world.close();
});

describe('by sockets', () => {
  let operator: OperatorInProcess;
  const open = new Set<Socket>();
  /** Most that were open at the same time: an idle one is closed after some seconds, and another opened when it is wanted. */
  let most = 0;
  const note = (message: unknown) => {
    const { headers, socket } = message as { readonly headers: string; readonly socket: Socket };
    if (!headers.includes(OPERATOR_AGENT) || open.has(socket)) return;
    open.add(socket);
    most = Math.max(most, open.size);
    socket.once('close', () => open.delete(socket));
  };

  beforeEach(async () => {
    subscribe('undici:client:sendHeaders', note);
    operator = await startOperator();
  });
  afterEach(async () => {
    await operator.stop();
    unsubscribe('undici:client:sendHeaders', note);
  });

  test('the operator opens 32 connections for whatever it asks, and one for each of its watches', async () => {
    const size = 40;
    await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: size, poolMin: size, poolMax: size } });
    await until(async () => expect(await operator.pods()).toHaveLength(size));
    await operator.makeReady();
    await operator.createBatch('all', { replicas: size, poolRef: 'warm' });
    await until(async () => expect(endpointsOf(await operator.batch('all')).filter((ip) => ip !== '')).toHaveLength(size));
    await operator.delete(pathOf('batchsandboxes', 'all'));
    await until(async () => expect((await operator.pods()).filter(({ status }) => status?.podIP !== undefined)).toEqual([]));
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(32 + 4);
  });
});
