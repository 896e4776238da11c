import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { KubeObject, Pod } from '../../../src/schema/kubernetes';
import { Annotation, ANY_POOL, Label } from '../../../src/schema/names';
import type { Pool } from '../../../src/schema/pool';
import type { Evidence } from './evidence';
import { fits, neglected, unmetOf } from './line';
import { isAccepted, isLive, isPooled, isReady, isTerminating, letterOf, ownerOf, ownSlotOf, recordOf } from './records';
import type { Violation } from './safety';

/** Time within which a batch is deleted that has expired, in ms (R44). */
const EXPIRY_MS = 5_000;

/** Everything at one moment. */
interface Scene {
  readonly world: Evidence;
  readonly pods: ReadonlyMap<string, Pod>;
  readonly pools: readonly Pool[];
  readonly batches: readonly BatchSandbox[];
  /** Pod UID to the pooled batch that holds it. */
  readonly holders: ReadonlyMap<string, BatchSandbox>;
}

/** What must hold once nothing goes wrong any more and the world has come to rest; every broken rule. */
export function checkRest(world: Evidence): Violation[] {
  const pods = new Map(world.pods().map((pod) => [pod.metadata.uid ?? '', pod]));
  const batches = world.batches();
  const holders = new Map(batches.flatMap((batch) => recordOf(batch).held.map(({ uid }) => [uid, batch] as const)));
  const scene: Scene = { world, pods, batches, holders, pools: world.pools() };
  return [
    ...checkDeletions(scene),
    ...checkOrphans(scene),
    ...scene.batches.flatMap((batch) => checkBatch(scene, batch)),
    ...scene.pools.flatMap((pool) => checkPool(scene, pool)),
  ];
}

/** After all batches and pools were deleted: nothing is left. */
export function checkEmpty(world: Evidence): Violation[] {
  const left: readonly KubeObject[] = [...world.batches(), ...world.pools(), ...world.pods()];
  return left.map(({ kind = 'Pod', metadata }) => ({ rule: kind === 'Pool' ? 'R120' : 'R119', message: `${kind} '${metadata.name}' is left although everything was deleted` }));
}

function checkDeletions({ pools, batches, pods }: Scene): Violation[] {
  return [
    ...pools.filter(isTerminating).filter((pool) => !batches.some((batch) => recordOf(batch).poolUID === pool.metadata.uid && recordOf(batch).held.length > 0)).map((pool) => ({ rule: 'R120', message: `pool '${pool.metadata.name}' stays Terminating` })),
    ...batches.filter(isTerminating).map((batch) => ({ rule: 'R119', message: `batch '${batch.metadata.name}' stays Terminating` })),
    ...[...pods.values()].filter(isTerminating).map((pod) => ({ rule: 'R119', message: `pod '${pod.metadata.name}' stays Terminating` })),
  ];
}

function checkOrphans({ world, pools, batches, pods, holders }: Scene): Violation[] {
  const violations: Violation[] = [];
  const owners = new Set([...pools, ...batches].map(({ metadata }) => metadata.uid));
  for (const pod of pods.values()) {
    if (!owners.has(ownerOf(pod))) violations.push({ rule: 'R50', message: `pod '${pod.metadata.name}' has lost its owner` });
    const slot = ownSlotOf(pod);
    const batch = batches.find(({ metadata }) => metadata.uid === ownerOf(pod));
    if (slot !== undefined && batch !== undefined && isAccepted(batch) && slot >= (batch.spec.replicas ?? 1)) violations.push({ rule: 'R21', message: `pod '${pod.metadata.name}' is beyond the ${batch.spec.replicas ?? 1} slots of its batch` });
  }
  for (const run of world.runs) {
    const pod = pods.get(run.podUID);
    if (run.endedAtMs !== undefined) continue;
    const holder = holders.get(run.podUID)?.metadata.uid ?? (pod === undefined ? '' : ownerOf(pod));
    if (pod === undefined || holder !== run.batchUID) violations.push({ rule: 'R47', message: `task '${run.name}' runs on, and nobody holds its pod for it` });
  }
  return violations;
}

function checkBatch(scene: Scene, batch: BatchSandbox): Violation[] {
  if (isTerminating(batch) || !isAccepted(batch)) return [];
  const { name } = batch.metadata;
  const { replicas = 1, poolRef } = batch.spec;
  const violations: Violation[] = [];
  const expect = (rule: string, holds: boolean, message: () => string) => {
    if (!holds) violations.push({ rule, message: `batch '${name}': ${message()}` });
  };
  const slots = slotsOf(scene, batch);
  const pods = slots.flatMap((slot) => (typeof slot === 'object' ? [slot] : []));
  const unmet = slots.filter((slot) => slot === 'empty').length;
  const status = batch.status ?? { replicas: -1, allocated: -1, ready: -1 };
  expect('R97', status.replicas === pods.length, () => `status.replicas is ${status.replicas}, and it has ${pods.length} pods`);
  expect('R115', status.ready === pods.filter(isReady).length, () => `status.ready is ${status.ready}, and ${pods.filter(isReady).length} pods are Ready`);
  const endsAt = Date.parse(batch.spec.expireTime ?? '');
  const now = scene.world.timeOfDay?.().getTime() ?? NaN;
  expect('R44', !(endsAt < now - EXPIRY_MS), () => `it is there although its expireTime is ${batch.spec.expireTime ?? ''}`);
  expect('R92', batch.status?.observedGeneration === batch.metadata.generation, () => `its generation ${batch.metadata.generation ?? 0} was not handled`);
  if (isPooled(batch)) {
    const pending = batch.status?.conditions?.some(({ type }) => type === 'PoolAllocationPending') === true;
    expect('R15', pending === unmet > 0, () => `${unmet} slots are empty, and PoolAllocationPending is ${String(pending)}`);
    const { poolName, held } = recordOf(batch);
    const eligible = poolRef === ANY_POOL ? scene.pools.find((pool) => suits(pool, batch)) : undefined;
    expect('R73', eligible === undefined, () => `it has no pool, and '${eligible?.metadata.name ?? ''}' suits it`);
    expect('R19', held.length === 0 || poolName === batch.spec.poolRef, () => `it holds pods of '${poolName}' and wants those of '${batch.spec.poolRef ?? ''}'`);
    expect('R21', held.every(({ index }) => index < replicas), () => `it holds pods beyond its ${replicas} slots`);
    expect('R113', held.every(({ uid }) => isLive(scene.pods.get(uid) ?? DEAD)), () => 'it holds dead pods');
  } else expect('R1', unmet === 0, () => `${unmet} slots have no pod`);
  expect('R96', hasEndpoints(batch, slots), () => `endpoints are ${batch.metadata.annotations?.[Annotation.endpoints] ?? 'none'}`);
  return [...violations, ...checkTasks(scene, batch, slots)];
}

/** What a slot has: a pod, nothing, or nothing for good. */
type SlotState = Pod | 'empty' | 'finished';

function slotsOf({ pods }: Scene, batch: BatchSandbox): readonly SlotState[] {
  const { replicas = 1, taskResourcePolicyWhenCompleted: policy } = batch.spec;
  const { held, finished } = recordOf(batch);
  const own = [...pods.values()].filter((pod) => ownerOf(pod) === batch.metadata.uid && ownSlotOf(pod) !== undefined);
  return Array.from({ length: replicas }, (_, index): SlotState => {
    if (isPooled(batch)) {
      const pod = pods.get(held.find((slot) => slot.index === index)?.uid ?? '');
      return pod ?? (finished.includes(index) ? 'finished' : 'empty');
    }
    const pod = own.find((candidate) => ownSlotOf(candidate) === index);
    return pod ?? (policy === 'Release' && ['S', 'F'].includes(letterOf(batch, index)) ? 'finished' : 'empty');
  });
}

function hasEndpoints(batch: BatchSandbox, slots: readonly SlotState[]): boolean {
  const text = batch.metadata.annotations?.[Annotation.endpoints];
  const addresses = slots.map((slot) => (typeof slot === 'object' ? (slot.status?.podIP ?? '') : ''));
  if (text === undefined) return !slots.some((slot) => typeof slot === 'object');
  return text === JSON.stringify(addresses);
}

function checkTasks({ world }: Scene, batch: BatchSandbox, slots: readonly SlotState[]): Violation[] {
  const { status, metadata } = batch;
  if (batch.spec.taskTemplate === undefined && (batch.spec.shardTaskPatches?.length ?? 0) === 0) return [];
  const violations: Violation[] = [];
  const letters = slots.map((_, index) => letterOf(batch, index));
  const count = (letter: string) => letters.filter((each) => each === letter).length;
  const counters = [status?.taskPending, status?.taskRunning, status?.taskSucceed, status?.taskFailed, status?.taskUnknown].join(' ');
  const expected = ['P', 'R', 'S', 'F', 'U'].map(count).join(' ');
  if (counters !== expected) violations.push({ rule: 'R38', message: `batch '${metadata.name}': counters are ${counters}, and its letters say ${expected}` });
  for (const [index, slot] of slots.entries()) {
    if (typeof slot !== 'object' || (slot.status?.podIP ?? '') === '') continue;
    const own = world.tasksOf(slot.metadata.uid ?? '').find(({ name, uid }) => name === `${metadata.name}-${index}` && uid === metadata.uid);
    const letter = letters[index] ?? '-';
    const { running, terminated } = own?.processStatus ?? {};
    const truth = running !== undefined ? 'R' : terminated === undefined ? 'none' : terminated.exitCode === 0 ? 'S' : 'F';
    const isFine = letter === truth || (truth !== 'R' && ['S', 'F', '-'].includes(letter));
    if (!isFine) violations.push({ rule: truth === 'none' ? 'R34' : 'R39', message: `batch '${metadata.name}': slot ${index} is '${letter}', and its executor says '${truth}'` });
  }
  return violations;
}

function checkPool(scene: Scene, pool: Pool): Violation[] {
  const { name, uid = '' } = pool.metadata;
  if (isTerminating(pool) || !isAccepted(pool)) return [];
  const violations: Violation[] = [];
  const expect = (rule: string, holds: boolean, message: () => string) => {
    if (!holds) violations.push({ rule, message: `pool '${name}': ${message()}` });
  };
  const pods = [...scene.pods.values()].filter((pod) => ownerOf(pod) === uid);
  const idle = pods.filter((pod) => !scene.holders.has(pod.metadata.uid ?? ''));
  const available = idle.filter((pod) => isReady(pod) && pod.metadata.labels?.[Label.evict] === undefined);
  const { poolMax, poolMin, bufferMin, bufferMax } = pool.spec.capacitySpec;
  const said = [pool.status?.total, pool.status?.allocated, pool.status?.available].join(' ');
  const counted = [pods.length, pods.length - idle.length, available.length].join(' ');
  expect('R57', said === counted, () => `status says total, allocated, available are ${said}, and they are ${counted}`);
  expect('R71', idle.every((pod) => pod.metadata.labels?.[Label.evict] === undefined), () => 'idle pods with the evict label are left');
  expect('R114', pods.every(isLive), () => 'dead pods are left');
  const waiting = scene.batches.filter((batch) => batch.spec.poolRef === name && isAccepted(batch) && !isTerminating(batch));
  const unmet = waiting.filter((batch) => fits(batch, poolMax)).reduce((sum, batch) => sum + unmetOf(batch), 0);
  const next = neglected(waiting, available.length, poolMax);
  expect('R14', next === undefined, () => `'${next?.metadata.name ?? ''}' waits while ${available.length} pods are available`);
  const { reason = '' } = pool.status?.conditions?.find(({ type }) => type === 'ScaleBlocked') ?? {};
  const failing = ['ImagePull', 'PodsFailing', 'Unschedulable'].includes(reason);
  const isCurrent = (pod: Pod) => pod.metadata.labels?.[Label.poolRevision] === pool.status?.revision;
  expect('R70', failing || idle.every(isCurrent), () => `idle pods of an old template are left, and new ones start`);
  const stuck = idle.length > available.length; // pods that never become Ready hold back growth
  const full = pods.length >= poolMax;
  expect('R60', full || stuck || (unmet === 0 && pods.length >= poolMin && idle.length >= bufferMin), () => `it has ${pods.length} pods, ${idle.length} idle, for ${unmet} empty slots: too few`);
  const held = pods.length - idle.length;
  expect('R60', idle.length <= Math.max(bufferMax + unmet, poolMin - held) && (pods.length <= poolMax || idle.length === 0), () => `it has ${pods.length} pods, ${idle.length} idle: too many`);
  return violations;
}

/** Whether a pool passes every predicate that the profiles of these histories name. */
function suits(pool: Pool, batch: BatchSandbox): boolean {
  if (!isAccepted(pool) || isTerminating(pool)) return false;
  const images = ({ spec }: Pool | BatchSandbox) => {
    const { containers } = spec.template?.spec ?? {};
    return Array.isArray(containers) ? containers.map(({ image }) => image) : []; // a spoiled template is stored as it came
  };
  return pool.metadata.labels?.tier === batch.metadata.labels?.tier && images(batch).some((image) => images(pool).includes(image));
}

const DEAD: Pod = { metadata: { name: '', deletionTimestamp: '' } };
