import { batchSandboxSpec, batchSandboxStatus } from './batch-sandbox';
import { poolSpec, poolStatus } from './pool';
import { type Column, type CustomResourceDefinition, defineResource } from './resource';

const age: Column = { name: 'AGE', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const count = (name: string, jsonPath: string): Column => ({ name, type: 'integer', jsonPath });
const wideCount = (name: string, jsonPath: string): Column => ({ ...count(name, jsonPath), priority: 1 });

/** Pool: warm pods, kept within bounds. */
export const POOL = defineResource({
  kind: 'Pool',
  plural: 'pools',
  singular: 'pool',
  shortNames: [],
  description: 'Warm pods, kept within bounds, from which batches are served.',
  spec: poolSpec.describe('What the pool should be.'),
  status: poolStatus.describe('What the pool is; written by the operator.'),
  columns: [
    count('TOTAL', '.status.total'),
    count('ALLOCATED', '.status.allocated'),
    count('AVAILABLE', '.status.available'),
    count('UPDATED', '.status.updated'),
    age,
  ],
});

/** BatchSandbox: N sandboxes as one object. */
export const BATCH_SANDBOX = defineResource({
  kind: 'BatchSandbox',
  plural: 'batchsandboxes',
  singular: 'batchsandbox',
  shortNames: ['bsbx'],
  description: 'A number of sandboxes, delivered and deleted as one, with a task for each.',
  spec: batchSandboxSpec.describe('What the batch should be.'),
  status: batchSandboxStatus.describe('What the batch is; written by the operator.'),
  columns: [
    count('DESIRED', '.spec.replicas'),
    count('TOTAL', '.status.replicas'),
    count('ALLOCATED', '.status.allocated'),
    count('Ready', '.status.ready'),
    wideCount('TASK_RUNNING', '.status.taskRunning'),
    wideCount('TASK_SUCCEED', '.status.taskSucceed'),
    wideCount('TASK_FAILED', '.status.taskFailed'),
    wideCount('TASK_UNKNOWN', '.status.taskUnknown'),
    { name: 'EXPIRE', type: 'string', jsonPath: '.spec.expireTime' },
    age,
  ],
  scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
});

/** Every CRD of the group, by name; new objects each time. */
export function allCrds(): CustomResourceDefinition[] {
  return [BATCH_SANDBOX, POOL].map((resource) => resource.crd());
}
