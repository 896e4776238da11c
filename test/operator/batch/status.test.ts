import { diffStatus, endpointsOf, planBatchStatus } from '../../../operator/batch/status';
import type { Slot } from '../../../operator/allocation-record';
import type { PodFacts } from '../../../operator/pod-facts';
import { batchSandboxStatus, type BatchSandboxStatus } from '../../../src/schema/batch-sandbox';
import { batchOf, podOf } from '../../support/builders';

const NOW = new Date('2026-05-05T05:05:05Z');
const noTasks = { taskStates: undefined, taskPending: 0, taskRunning: 0, taskSucceed: 0, taskFailed: 0, taskUnknown: 0 };

function statusOf(pods: readonly (PodFacts | 'empty' | 'finished')[], more: { replicas?: number; stored?: BatchSandboxStatus; quota?: string } = {}) {
  const known = new Map(pods.flatMap((pod) => (typeof pod === 'string' ? [] : [[pod.uid, pod]])));
  const slots = pods.map((pod): Slot => (typeof pod === 'string' ? { state: pod } : { state: 'held', name: pod.name, uid: pod.uid }));
  const status = planBatchStatus({
    batch: batchOf('b', { poolRef: 'warm', replicas: more.replicas ?? pods.length }, { status: more.stored }),
    slots,
    record: { poolName: 'warm', poolUID: 'p', slots, returning: [] },
    pod: (uid) => known.get(uid),
    tasks: noTasks,
    wait: undefined,
    quota: more.quota,
    now: NOW,
  });
  expect(batchSandboxStatus.safeParse(status).error).toBeUndefined();
  return status;
}

const failing = (name: string, reason: string) => podOf('p', name, { ready: false, failing: { reason, message: `container 'main': ${reason}` } });
const types = (status: BatchSandboxStatus) => status.conditions?.map(({ type, reason }) => `${type}/${reason ?? ''}`).join(' ');

test.each([
  ['nothing yet', ['empty' as const], { replicas: 0, allocated: 0, ready: 0, phase: 'Pending' }, 'Progressing/Creating'],
  ['one of two is enough to succeed (R92)', [podOf('p', 'a'), podOf('p', 'b', { ready: false })], { replicas: 2, allocated: 2, ready: 1, phase: 'Succeed' }, 'Ready/PodsReady'],
  ['all Ready (R95)', [podOf('p', 'a'), podOf('p', 'b')], { replicas: 2, allocated: 2, ready: 2, phase: 'Succeed' }, 'AllReady/PodsReady Ready/PodsReady'],
  ['a pod without node and IP is not allocated', [podOf('p', 'a', { ready: false, placed: false, ip: '' })], { replicas: 1, allocated: 0, ready: 0, phase: 'Pending' }, 'Progressing/Creating'],
  ['a failing pod fails the batch (R92)', [podOf('p', 'a'), failing('b', 'ErrImagePull')], { replicas: 2, allocated: 2, ready: 1, phase: 'Failed' }, 'PodFailed/ErrImagePull'],
  ['a finished slot has no pod (R42)', [podOf('p', 'a'), 'finished' as const], { replicas: 1, allocated: 1, ready: 1, phase: 'Succeed' }, 'Ready/PodsReady'],
  ['all slots finished (R43)', ['finished' as const, 'finished' as const], { replicas: 0, allocated: 0, ready: 0, phase: 'Succeed' }, 'Completed/TasksEnded'],
])('%s', (_name, pods, want, conditions) => {
  const status = statusOf(pods);
  expect(status).toMatchObject(want);
  expect(types(status)).toBe(conditions);
});

test.each([
  ['is what a batch waits for that has no Ready pod', ['empty' as const], 'Progressing/QuotaExceeded'],
  ['does not hide that others are Ready', ['empty' as const, podOf('p', 'b')], 'Ready/PodsReady'],
])('a quota that refuses pods %s', (_name, pods, conditions) => {
  const status = statusOf(pods, { quota: 'used up' });
  expect(types(status)).toBe(conditions);
  expect(status.conditions?.[0]?.message).toBe(conditions.startsWith('Progressing') ? 'used up' : undefined);
});

test('PodFailed names the most frequent reason, the counts and one pod (R92)', () => {
  const status = statusOf([failing('a', 'ErrImagePull'), failing('b', 'CrashLoopBackOff'), failing('c', 'CrashLoopBackOff'), podOf('p', 'd')]);
  expect(status.conditions?.find(({ type }) => type === 'PodFailed')).toEqual({
    type: 'PodFailed',
    status: 'True',
    reason: 'CrashLoopBackOff',
    message: "3 of 4 pods failing; pod 'b': container 'main': CrashLoopBackOff",
    lastTransitionTime: '2026-05-05T05:05:05Z',
  });
});

test('the time of a condition moves only with its content (R94)', () => {
  const before = statusOf([podOf('p', 'a')]);
  const old = before.conditions?.map((condition) => ({ ...condition, lastTransitionTime: '2020-01-01T00:00:00Z' }));
  const after = statusOf([podOf('p', 'a')], { stored: { ...before, conditions: old } });
  expect(after.conditions).toEqual(old);
});

describe('diffStatus', () => {
  const stored = statusOf([podOf('p', 'a')]);

  test('is nothing when nothing differs, whatever order the server keeps keys in (R97)', () => {
    const reordered = Object.fromEntries(Object.entries(stored).reverse()) as BatchSandboxStatus;
    expect(diffStatus(reordered, stored)).toEqual([]);
  });

  test('sets what differs, each field as a whole, and removes what is gone', () => {
    const returning = { ...stored, allocation: { ...stored.allocation, returning: ['x/1'] } };
    expect(diffStatus(returning, stored)).toEqual([{ op: 'add', path: '/status/allocation', value: stored.allocation }]);
    const { allocation: _gone, ...rest } = stored;
    expect(diffStatus(stored, { ...rest, ready: 0 })).toEqual([{ op: 'add', path: '/status/ready', value: 0 }, { op: 'add', path: '/status/allocation', value: null }, { op: 'remove', path: '/status/allocation' }]);
  });

  test('sets the whole of a first status', () => {
    expect(diffStatus(undefined, stored)).toEqual([{ op: 'add', path: '/status', value: stored }]);
  });
});

test('endpoints have one element a slot, so that a missing pod shifts nothing (R96)', () => {
  const pods = [podOf('p', 'a', { ip: '10.0.0.1' }), podOf('p', 'c', { ip: '10.0.0.3' })];
  const slots: Slot[] = [{ state: 'held', name: 'a', uid: 'uid-a' }, { state: 'empty' }, { state: 'held', name: 'c', uid: 'uid-c' }];
  expect(endpointsOf(slots, 4, (uid) => pods.find((pod) => pod.uid === uid))).toEqual(['10.0.0.1', '', '10.0.0.3', '']);
});
