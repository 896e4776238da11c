import type { BatchSandbox, BatchSandboxSpec, BatchSandboxStatus } from '../../src/schema/batch-sandbox';
import type { PodFacts } from '../../operator/pod-facts';

/** Facts of a pool pod: Ready and idle unless told otherwise. */
export function podOf(poolUID: string, name: string, overrides: Partial<PodFacts> = {}): PodFacts {
  return {
    key: `default/${name}`,
    namespace: 'default',
    name,
    uid: `uid-${name}`,
    ip: '127.9.0.1',
    placed: true,
    live: true,
    terminating: false,
    ready: true,
    readySince: '2026-01-01T00:00:00Z',
    unreadySince: '',
    createdAt: '2026-01-01T00:00:00Z',
    phase: 'Running',
    restarts: 0,
    revision: 'r1',
    evict: false,
    ownerUID: poolUID,
    deadline: undefined,
    failing: undefined,
    problem: undefined,
    ...overrides,
  };
}

/** A batch as it comes from the API. */
export function batchOf(name: string, spec: BatchSandboxSpec = {}, more: { status?: BatchSandboxStatus; createdAt?: string; uid?: string } = {}): BatchSandbox {
  return {
    apiVersion: 'sandbox.opensandbox.io/v1alpha1',
    kind: 'BatchSandbox',
    metadata: {
      name,
      namespace: 'default',
      uid: more.uid ?? `batch-${name}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: more.createdAt ?? '2026-01-01T00:00:00Z',
    },
    spec: { replicas: 1, ...spec },
    ...(more.status && { status: more.status }),
  };
}

/** Status of a batch whose record names these pods in slot order. */
export function statusHolding(poolName: string, pods: readonly PodFacts[], returning: readonly PodFacts[] = []): BatchSandboxStatus {
  const toText = (pod: PodFacts) => `${pod.name}/${pod.uid}`;
  return {
    replicas: pods.length,
    allocated: pods.length,
    ready: pods.length,
    taskRunning: 0,
    taskSucceed: 0,
    taskFailed: 0,
    taskPending: 0,
    taskUnknown: 0,
    allocation: {
      poolName,
      poolUID: `pool-${poolName}`,
      podPrefix: '',
      slots: pods.map(toText),
      returning: returning.map(toText),
    },
  };
}
