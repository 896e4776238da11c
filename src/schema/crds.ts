import { batchSandboxSpec, batchSandboxStatus } from './batch-sandbox';
import { poolSpec, poolStatus } from './pool';
import { type Column, type CustomResourceDefinition, defineResource } from './resource';

const age: Column = { name: 'AGE', type: 'date', description: 'Time since its creation.', jsonPath: '.metadata.creationTimestamp' };
const count = (name: string, jsonPath: string, description: string): Column => ({ name, type: 'integer', description, jsonPath });
const wideCount = (name: string, jsonPath: string, description: string): Column => ({ ...count(name, jsonPath, description), priority: 1 });

/** Pool: warm pods, kept within bounds. */
export const POOL = defineResource({
  kind: 'Pool',
  plural: 'pools',
  singular: 'pool',
  shortNames: [],
  description: 'Warm pods, kept within bounds, from which batches are served.',
  spec: poolSpec.describe('What the pool is to be.'),
  status: poolStatus.describe('What the pool is now; the operator writes it.'),
  columns: [
    count('TOTAL', '.status.total', 'All pods, idle and held.'),
    count('ALLOCATED', '.status.allocated', 'Pods that batches hold or give back.'),
    count('AVAILABLE', '.status.available', 'Idle pods that are Ready.'),
    count('UPDATED', '.status.updated', 'Pods of the current template.'),
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
  spec: batchSandboxSpec.describe('What the batch is to be.'),
  status: batchSandboxStatus.describe('What the batch is now; the operator writes it.'),
  columns: [
    count('DESIRED', '.spec.replicas', 'Sandboxes that are wanted.'),
    count('TOTAL', '.status.replicas', 'Sandboxes that have a pod.'),
    count('ALLOCATED', '.status.allocated', 'Sandboxes whose pod is on a node.'),
    count('Ready', '.status.ready', 'Sandboxes whose pod is Ready.'),
    wideCount('TASK_RUNNING', '.status.taskRunning', 'Tasks that run.'),
    wideCount('TASK_SUCCEED', '.status.taskSucceed', 'Tasks that ended with exit code 0.'),
    wideCount('TASK_FAILED', '.status.taskFailed', 'Tasks that failed.'),
    wideCount('TASK_UNKNOWN', '.status.taskUnknown', 'Tasks whose executor has not answered yet.'),
    { name: 'EXPIRE', type: 'string', description: 'When the batch is deleted.', jsonPath: '.spec.expireTime' },
    age,
  ],
  scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
});

/** Every CRD of the group, by name; new objects each time. */
export function allCrds(): CustomResourceDefinition[] {
  return [BATCH_SANDBOX, POOL].map((resource) => resource.crd());
}
