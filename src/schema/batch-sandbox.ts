import { z } from 'zod';
import { BATCH_CONDITION_TYPES, type Condition, conditionList } from './conditions';
import { generation, int32, podTemplateField, preserved, text, timestamp } from './fields';
import type { KubeObject, PodTemplateSpec } from './kubernetes';

/** Most slots of one batch: what fits into one object with full pod names and UIDs (R131). */
export const MAX_BATCH_REPLICAS = 10_000;

/** What happens to a pod when its task has ended. */
export const TASK_RESOURCE_POLICIES = ['Retain', 'Release'] as const;

/** What a batch takes from a pool that has fewer pods than it wants. */
export const ALLOCATION_POLICIES = ['Partial', 'AllOrNothing'] as const;

/** Phases; a running sandbox is `Succeed`. */
export const BATCH_PHASES = ['Pending', 'Succeed', 'Pausing', 'Paused', 'Resuming', 'Failed'] as const;

const patchList = (what: string, more: string) =>
  z
    .array(preserved().nullable().describe(`Patch of one ${what}; null and {} change nothing.`))
    .max(MAX_BATCH_REPLICAS)
    .optional()
    .describe(
      `Item i is a strategic merge patch for ${what} i: objects are merged field by field, null removes a field, lists are replaced. ${more} ` +
        'A sandbox without an item is not patched; items beyond replicas are ignored. Default: none.',
    );

export const batchSandboxSpec = z.object({
  replicas: int32(0, MAX_BATCH_REPLICAS)
    .default(1)
    .describe(`Number of sandboxes, in pods from 0 to ${MAX_BATCH_REPLICAS}. Raised, it adds sandboxes at the end; lowered, it removes those with the highest numbers. Default: 1.`)
    .meta({ listedAsRequired: true }),
  poolRef: text(253)
    .optional()
    .describe(
      'Name of the Pool in the same namespace that the sandboxes come from. Empty: each is a new pod from template. ' +
        '"*": the operator chooses a Pool that suits, by template and labels, and writes its name here, once. Default: none, as when empty.',
    ),
  template: podTemplateField('the pods of a batch without a pool', 'A change counts for pods made later. Beside poolRef it makes no pods; beside "*" it says which Pools suit. Default: none.'),
  shardPatches: patchList(
    'pod',
    'It starts at metadata and spec; lists with a key, such as containers and env, are merged by it. Beside poolRef it is ignored, with an event.',
  ),
  expireTime: timestamp()
    .optional()
    .describe('When the batch is deleted, with all its sandboxes, in RFC 3339 such as 2026-12-31T23:59:59Z. A past time deletes it at once. Default: never.'),
  taskTemplate: preserved()
    .optional()
    .describe(
      'Task that each sandbox runs; its pods need the executor. Fields: spec.process.command (list of text: program and first arguments, run without a shell), ' +
        'spec.process.args (list of text, appended; default: none), spec.process.env (list of {name, value}, added to the environment of the sandbox; ' +
        'default: none), spec.process.workingDir (text; default: that of the sandbox), spec.timeoutSeconds (longest run in seconds, at least 1; default: ' +
        'no limit). Judged together with shardTaskPatches: a sandbox whose task cannot be run counts in status.taskFailed. Default: no task.',
    ),
  shardTaskPatches: patchList('task', 'It starts at the fields of taskTemplate; env is merged by name.'),
  taskResourcePolicyWhenCompleted: z
    .enum(TASK_RESOURCE_POLICIES)
    .default('Retain')
    .describe(
      'What happens to a pod when its task has ended, in success or failure. Retain: it stays until the batch is deleted or scaled down. ' +
        'Release: it goes back to its pool, or is deleted, and its sandbox is finished. Default: Retain.',
    ),
  priority: int32(-2147483648)
    .optional()
    .describe(
      'Rank among the batches that wait for pods of one pool: higher is served first; of equal rank the oldest, then by name. A change counts at once. ' +
        'No batch loses a pod to a higher one. Without poolRef it is not used. Default: 0.',
    ),
  allocationPolicy: z
    .enum(ALLOCATION_POLICIES)
    .optional()
    .describe(
      'How sandboxes get pods of a pool that has too few. Partial: each as soon as there is a pod for it. AllOrNothing: all that have none get one at the ' +
        'same moment, and pods are kept for them until there are enough, unless batches before this one leave no room below poolMax. ' +
        'Without poolRef it is not used. Default: Partial.',
    ),
  pause: z.boolean().optional().describe('true: the batch is to be paused. false: it is to run. Not acted on yet. Default: none, which asks for nothing.'),
});

const podRef = () => text(320).describe('<rest of the pod name>/<pod UID>, after podPrefix.');

/**
 * Which pod belongs to which slot: the only authority on it (R104).
 *
 * Entry i of `slots` is slot i: `""` empty; `-` finished, not refilled; else `<rest of pod name>/<pod UID>`.
 */
export const allocation = z.object({
  poolName: text(253).optional().describe('Name of the Pool that the pods come from. Default: empty.'),
  poolUID: text(64).optional().describe('UID of that Pool. Default: empty.'),
  podPrefix: text(253).optional().describe('Text that all pod names of this record begin with. Default: empty.'),
  slots: z
    .array(text(320).describe('"" is empty, "-" is finished and not filled again, else <rest of the pod name>/<pod UID>, after podPrefix.'))
    .max(MAX_BATCH_REPLICAS)
    .optional()
    .describe('Item i says which pod is sandbox i. Default: none.'),
  returning: z.array(podRef()).max(MAX_BATCH_REPLICAS).optional().describe('Pods that were taken from a sandbox and are not back in the pool yet. Default: none.'),
});

const sandboxes = (which: string) => int32().describe(`Number of sandboxes ${which}, in pods.`);
const tasks = (which: string) => int32().describe(`Number of tasks ${which}. The five counts add up to the sandboxes that have a task.`);

export const batchSandboxStatus = z.object({
  observedGeneration: generation().optional().describe('metadata.generation of the batch that this status is about. Default: none, before the first look.'),
  replicas: sandboxes('that have a pod; finished ones do not count'),
  allocated: sandboxes('whose pod is on a node or has an address'),
  ready: sandboxes('whose pod is Ready'),
  taskRunning: tasks('that run'),
  taskSucceed: tasks('that ended with exit code 0'),
  taskFailed: tasks('that ended otherwise or cannot be run'),
  taskPending: tasks('whose pod is not there yet, or has no address'),
  taskUnknown: tasks('of which the executor has not said anything yet'),
  taskStates: text(MAX_BATCH_REPLICAS)
    .optional()
    .describe('One letter a sandbox, in their order: "-" no task, P pending, R running, S succeeded, F failed, U unknown. Default: none, without tasks.'),
  phase: z
    .enum(BATCH_PHASES)
    .optional()
    .describe(
      'State of the batch as one word. Pending: no pod is Ready yet. Succeed: at least one pod is Ready, whatever the tasks do. ' +
        'Failed: a container cannot start or ends again and again. Pausing, Paused and Resuming: on the way to a pause, in it, and back; not used yet. ' +
        'Default: none, before the first look.',
    ),
  pauseObservedGeneration: generation().optional().describe('metadata.generation whose spec.pause has been acted on. Default: none.'),
  conditions: conditionList(BATCH_CONDITION_TYPES, {
    Ready: 'at least one pod is Ready and none is failing',
    Progressing: 'no pod is Ready yet',
    Paused: 'the batch is paused',
    PauseFailed: 'the batch could not be paused',
    ResumeFailed: 'the batch could not be resumed',
    PodFailed: 'a container cannot start or ends again and again',
    PoolAllocationPending: 'sandboxes wait for pods of the pool',
    AllReady: 'all pods are Ready',
    Completed: 'all tasks have ended and all pods are given back',
    Accepted: 'False when the spec cannot be followed; running pods then stay as they are',
  })
    .optional()
    .describe('What holds now, one item a type. Default: none.'),
  allocation: allocation.optional().describe('Which pod of the pool is which sandbox; the operator alone writes it. Default: none, without a pool.'),
});

/** Spec of a BatchSandbox as users write it. */
export type BatchSandboxSpec = Omit<z.input<typeof batchSandboxSpec>, 'template'> & { template?: PodTemplateSpec };
/** Status of a BatchSandbox. */
export type BatchSandboxStatus = z.output<typeof batchSandboxStatus>;
export type BatchCondition = Condition<(typeof BATCH_CONDITION_TYPES)[number]>;
export type BatchPhase = (typeof BATCH_PHASES)[number];
export type Allocation = z.output<typeof allocation>;

/** A BatchSandbox: N sandboxes as one object. */
export interface BatchSandbox extends KubeObject {
  readonly spec: BatchSandboxSpec;
  readonly status?: BatchSandboxStatus;
}
