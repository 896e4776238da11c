import type { Pod, PodTemplateSpec } from '../../src/schema/kubernetes';
import { Annotation, EXECUTOR_CONTAINER } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { readTaskOutput } from '../support/executor';
import { fixedPool } from '../support/pool-spec';
import { endpointsOf, recordedUIDsOf, type Space } from '../support/space';

const cluster = useCluster();

/** A first process that ends when it is asked to: without the trap, the signal would not reach it. */
const OBEDIENT = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'];

async function newPool(template: PodTemplateSpec, config?: object): Promise<Space> {
  const space = await cluster.newSpace();
  await space.create('Pool', 'warm', fixedPool(1, template, { recycleStrategy: { type: 'Restart' } }));
  if (config !== undefined) await space.patch('Pool', 'warm', { metadata: { annotations: { [Annotation.restartConfig]: JSON.stringify(config) } } });
  await space.untilWarm('warm', 1);
  return space;
}

async function onlyPod(space: Space): Promise<Pod> {
  const pods = (await space.list('Pod')).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  expect(pods).toHaveLength(1);
  return pods[0] as Pod;
}

const idOf = (pod: Pod, container: string) => pod.status?.containerStatuses?.find(({ name }) => name === container)?.containerID ?? '';
const inMain = (space: Space, pod: Pod, script: string) => space.kubectl(['exec', pod.metadata.name, '--container=main', '--', 'sh', '-c', script]);

async function endBatch(space: Space, name: string): Promise<void> {
  await space.delete('BatchSandbox', name);
  await space.untilGone('BatchSandbox', name);
}

test('a returned pod restarts, without the files of its last user, and serves the next batch under its UID, also when its batch vanishes; a container of the blacklist runs on (R53, R57, R58)', async () => {
  const template = cluster.target.podTemplate({ command: OBEDIENT });
  const [main] = template.spec?.containers ?? [];
  const containers = [main, { ...main, name: 'side' }].filter((container) => container !== undefined);
  const space = await newPool({ ...template, spec: { ...template.spec, containers } }, { blacklist: ['side'] });
  await space.create('BatchSandbox', 'first', { replicas: 1, poolRef: 'warm' });
  await space.untilDelivered('first');
  const before = await onlyPod(space);
  expect(await inMain(space, before, 'echo mine > left; cat left')).toMatchObject({ exitCode: 0, stdout: 'mine\n' });

  await endBatch(space, 'first');
  await space.untilWarm('warm', 1);
  const after = await onlyPod(space);
  expect(after.metadata.uid).toBe(before.metadata.uid);
  expect(after.metadata.annotations?.[Annotation.restartRecord]).toBeUndefined();
  expect([idOf(after, 'main') === idOf(before, 'main'), idOf(after, 'side') === idOf(before, 'side')]).toEqual([false, true]);
  expect(await inMain(space, after, 'test ! -e left')).toMatchObject({ exitCode: 0 });
  await space.create('BatchSandbox', 'second', { replicas: 1, poolRef: 'warm' });
  expect(recordedUIDsOf(await space.untilDelivered('second'))).toEqual([before.metadata.uid]);

  await space.delete('BatchSandbox', 'second');
  await space.patch('BatchSandbox', 'second', { metadata: { finalizers: null } });
  await space.untilGone('BatchSandbox', 'second');
  await space.create('BatchSandbox', 'third', { replicas: 1, poolRef: 'warm' });
  expect(recordedUIDsOf(await space.untilDelivered('third'))).toEqual([before.metadata.uid]);
  expect(idOf(await onlyPod(space), 'main')).not.toBe(idOf(after, 'main'));
});

test('a returned pod with an executor is emptied by it, restarts, and runs the task of the next batch (R53, X29, X30)', async () => {
  const space = await newPool(cluster.target.podTemplate({ executor: true, command: OBEDIENT }));
  const run = async (batch: string, script: string) => {
    await space.create('BatchSandbox', batch, { replicas: 1, poolRef: 'warm', taskTemplate: { spec: { process: { command: ['sh', '-c', script] } } } });
    const done = await space.until('BatchSandbox', batch, (object) => {
      expect(object.status?.taskStates).toBe('S');
      expect(endpointsOf(object)).toHaveLength(1);
    });
    return readTaskOutput(cluster.target, endpointsOf(done)[0] ?? '', `${batch}-0`);
  };
  expect(await run('first', 'touch left && echo made')).toBe('made\n');
  const before = await onlyPod(space);
  await endBatch(space, 'first');
  await space.untilWarm('warm', 1);
  const after = await onlyPod(space);
  expect(after.metadata.uid).toBe(before.metadata.uid);
  expect(['main', EXECUTOR_CONTAINER].filter((name) => idOf(after, name) === idOf(before, name))).toEqual([]);
  expect(await run('second', 'test -e left && echo old || echo new')).toBe('new\n');
  expect((await onlyPod(space)).metadata.uid).toBe(before.metadata.uid);
});

test('a returned pod whose container does not restart is deleted after the retries, and meanwhile holds up neither pool nor batches (R53, R54, R55, R56, R119)', async () => {
  const space = await newPool(cluster.target.podTemplate(), { retryInterval: '1h' });
  // What a batch before this one has left there counts for nothing.
  const { metadata: before } = await onlyPod(space);
  const foreign = { id: 'another', startTime: '2026-01-01T00:00:00Z', containers: {}, lastRetryTime: '2026-01-01T00:00:00Z', retryCount: 3 };
  await space.patch('Pod', before.name, { metadata: { annotations: { [Annotation.restartRecord]: JSON.stringify(foreign) } } });
  await space.create('BatchSandbox', 'first', { replicas: 1, poolRef: 'warm' });
  const { metadata: giver } = await space.untilDelivered('first');
  await space.delete('BatchSandbox', 'first');
  const recordOf = ({ metadata }: Pod) => JSON.parse(metadata.annotations?.[Annotation.restartRecord] ?? '{}') as object;
  await space.until('Pod', before.name, (pod) => expect(recordOf(pod)).toMatchObject({ id: giver.uid, containers: { main: idOf(pod, 'main') }, retryCount: 0 }));

  await space.patch('Pool', 'warm', { spec: { capacitySpec: { poolMin: 2, poolMax: 2, bufferMax: 2 } } });
  await space.create('BatchSandbox', 'second', { replicas: 1, poolRef: 'warm' });
  expect(recordedUIDsOf(await space.untilDelivered('second'))).not.toEqual([before.uid]);
  await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ total: 2, allocated: 2, available: 0 }));
  expect((await space.get('Pod', before.name)).metadata.deletionTimestamp).toBeUndefined();

  const setConfig = (config: object) => space.patch('Pool', 'warm', { metadata: { annotations: { [Annotation.restartConfig]: JSON.stringify(config) } } });
  await setConfig({ retryInterval: '1s', maxRetries: 1 });
  await space.expectEvent('warm', 'RecycleFailed', { message: "returned pod deleted instead of restarted: not restarted after 1 retry: 'main'" });
  await space.untilGone('BatchSandbox', 'first');
  await space.untilGone('Pod', before.name);

  // Of a pod that has nothing to restart nobody can say that it is empty.
  await setConfig({ blacklist: ['main'] });
  await space.delete('BatchSandbox', 'second');
  await space.expectEvent('warm', 'RecycleFailed', { message: 'returned pod deleted instead of restarted: it has no running container to restart' });
  await space.untilGone('BatchSandbox', 'second');
});
