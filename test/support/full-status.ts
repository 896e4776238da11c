import type { BatchSandboxStatus } from '../../src/schema/batch-sandbox';
import { BATCH_SANDBOX, POOL } from '../../src/schema/crds';
import type { PoolStatus } from '../../src/schema/pool';

type Full<T> = { [K in keyof Required<T>]: Required<T>[K] };

/** Every field set; a new field does not compile until it stands here. */
const poolStatus: Full<PoolStatus> = {
  observedGeneration: 1,
  revision: '0123456789abcdef',
  total: 4,
  allocated: 1,
  available: 3,
  updated: 4,
  conditions: [{ type: 'ScaleBlocked', status: 'True', reason: 'PoolMax', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' }],
};
const batchStatus: Full<BatchSandboxStatus> = {
  observedGeneration: 1,
  replicas: 2,
  allocated: 2,
  ready: 1,
  taskRunning: 1,
  taskSucceed: 1,
  taskFailed: 0,
  taskPending: 0,
  taskUnknown: 0,
  taskStates: 'RS',
  phase: 'Succeed',
  pauseObservedGeneration: 1,
  conditions: [{ type: 'Ready', status: 'True', reason: 'PodsReady', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' }],
  allocation: { poolName: 'p', poolUID: 'u', podPrefix: 'p-', slots: ['a/1', '-'], returning: ['b/2'] },
};

/** Each kind with a small spec, defaults written out, and a status that has every field. */
export const FULL_STATUSES = [
  { kind: 'Pool', resource: POOL, status: poolStatus, spec: { capacitySpec: { bufferMin: 1, bufferMax: 1, poolMin: 1, poolMax: 1 } } },
  { kind: 'BatchSandbox', resource: BATCH_SANDBOX, status: batchStatus, spec: { replicas: 2, taskResourcePolicyWhenCompleted: 'Retain' } },
];
