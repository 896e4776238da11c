import { ALLOCATION_POLICIES, BATCH_PHASES, MAX_BATCH_REPLICAS, TASK_RESOURCE_POLICIES } from '../../../src/schema/batch-sandbox';
import { BATCH_CONDITION_TYPES, POOL_CONDITION_TYPES } from '../../../src/schema/conditions';
import { BATCH_SANDBOX, POOL } from '../../../src/schema/crds';
import { MAX_POOL_SIZE, MAX_REMAINING_LIFETIME_SECONDS, RECYCLE_TYPES } from '../../../src/schema/pool';
import type { AnyResource, Part } from './verdict';

/** Values of one field: which are right and which are wrong, whatever the other fields say. */
interface Values {
  readonly right: readonly unknown[];
  readonly wrong: readonly unknown[];
}

/** One field of a kind with values for it, and the object around it. */
export interface FieldCases extends Values {
  readonly field: string;
  readonly resource: AnyResource;
  readonly part: Part;
  /** The spec or status with this value of the field; undefined leaves the field out. */
  readonly with: (value: unknown) => unknown;
}

const MAX_INT32 = 2147483647;
const ABSENT = undefined;

const whole = (max: number, min = 0): Values => ({
  right: [min, min + 1, max - 1, max],
  wrong: [min - 1, max + 1, 1.5, 1e21, String(min), '', true, [], [min], {}],
});
const text = (max: number): Values => ({
  right: ['', 'x', 'ünï', '\n', '\0', 'x'.repeat(max), '🐳'.repeat(max)],
  wrong: ['x'.repeat(max + 1), '🐳'.repeat(max + 1), 1, false, [], ['x'], {}],
});
const choice = (values: readonly string[]): Values => ({
  right: values,
  wrong: ['', 'other', ...values.map((value) => value.toUpperCase()), ...values.map((value) => `${value} `), 1, true, [], values, {}],
});
const flag: Values = { right: [true, false], wrong: ['true', 'false', '', 0, 1, [], {}] };
const kept: Values = { right: [{}, { a: { b: [null, 1.5, 'ü'] } }, { $patch: 'delete' }, { toString: 1 }], wrong: ['', 'x', 1, true, [], [{}]] };
const listOf = (max: number, item: unknown, wrongItems: readonly unknown[]): Values => ({
  right: [[], [item], Array(max).fill(item)],
  wrong: [Array(max + 1).fill(item), ...wrongItems.map((wrong) => [item, wrong]), {}, '', 'x', 1, true],
});
const time: Values = {
  right: ['2026-12-31T23:59:59Z', '2024-02-29T00:00:00Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999Z', '2026-01-01T00:00:00.5+23:59', '2026-01-01T00:00:00-00:00'],
  wrong: [
    ...['', 'soon', '2026-12-31', '23:59:59Z', '2026-12-31T23:59Z', '2026-12-31T23:59:59', '2026-12-31 23:59:59Z', '2026-12-31t23:59:59z', ' 2026-12-31T23:59:59Z'],
    ...['2026-12-31T23:59:60Z', '2026-12-31T24:00:00Z', '2026-13-01T00:00:00Z', '2026-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-04-31T00:00:00Z', '2026-01-00T00:00:00Z'],
    ...['2026-01-01T00:00:00+24:00', '2026-01-01T00:00:00+00:60', '2026-01-01T00:00:00+0000', '2026-01-01T00:00:00x5Z', '2026-01-01T00:00:00,5Z', '2026-01-01T00:00:00.Z'],
    ...['2026-01-01T00:00:00ZT', '+02026-01-01T00:00:00Z', '٢٠٢٦-01-01T00:00:00Z', '2026-01-01T00:00:00Z\n', 1767225600, true, {}],
  ],
};
const countOrShare: Values = {
  right: [0, 1, MAX_INT32, '0%', '25%', '100%', '1000%', '5', '', 'x', 'x'.repeat(16), '🐳'.repeat(16)],
  wrong: [-1, 1.5, MAX_INT32 + 1, 1e21, 'x'.repeat(17), '🐳'.repeat(17), true, [], {}],
};

/** A field that may be left out: null is the same. */
const optional = ({ right, wrong }: Values): Values => ({ right: [ABSENT, null, ...right], wrong });
/** A field that must be there. */
const required = ({ right, wrong }: Values): Values => ({ right, wrong: [ABSENT, null, ...wrong] });
/** An object that may have fields, of which none has this name. */
const closed = (right: readonly unknown[]): Values => ({ right, wrong: ['', 'x', 1, true, [], [{}]] });

const capacity = { bufferMin: 1, bufferMax: 2, poolMin: 1, poolMax: 4 };
const inPool = (field: string, values: Values, around: (value: unknown) => object): FieldCases => ({ field, resource: POOL, part: 'spec', with: (value) => ({ capacitySpec: capacity, ...around(value) }), ...values });
const inBatch = (field: string, values: Values): FieldCases => ({ field: `spec.${field}`, resource: BATCH_SANDBOX, part: 'spec', with: (value) => ({ [field]: value }), ...values });

const lowest = { bufferMin: 0, bufferMax: MAX_POOL_SIZE, poolMin: 0, poolMax: MAX_POOL_SIZE };
const inCapacity = (field: string): FieldCases => inPool(`spec.capacitySpec.${field}`, required(whole(MAX_POOL_SIZE)), (value) => ({ capacitySpec: { ...lowest, [field]: value } }));
const unknownIn = (field: string, resource: AnyResource, part: Part, around: (more: object) => unknown): FieldCases => ({
  field: `${part}.${field}, with a field that is unknown`,
  resource,
  part,
  with: (value) => around({ unknown: value, toString: value }),
  right: [ABSENT],
  wrong: [null, 1, 'x', {}],
});

const POOL_SPEC: readonly FieldCases[] = [
  { field: 'spec', resource: POOL, part: 'spec', with: (value) => value, ...required({ right: [{ capacitySpec: capacity }], wrong: [{}, '', 1, true, []] }) },
  inPool('spec.capacitySpec', required(closed([capacity])), (value) => ({ capacitySpec: value })),
  ...['bufferMin', 'bufferMax', 'poolMin', 'poolMax'].map(inCapacity),
  inPool('spec.capacitySpec, bufferMin up to bufferMax', { right: [0, 2, 3], wrong: [4, 10_000] }, (bufferMin) => ({ capacitySpec: { ...capacity, bufferMin, bufferMax: 3 } })),
  inPool('spec.capacitySpec, poolMin up to poolMax', { right: [0, 3, 4], wrong: [5, 10_000] }, (poolMin) => ({ capacitySpec: { ...capacity, poolMin } })),
  inPool('spec.template', optional(kept), (template) => ({ template })),
  ...['scaleStrategy', 'updateStrategy'].flatMap((field) => [
    inPool(`spec.${field}`, optional(closed([{}])), (value) => ({ [field]: value })),
    inPool(`spec.${field}.maxUnavailable`, optional(countOrShare), (maxUnavailable) => ({ [field]: { maxUnavailable } })),
    unknownIn(field, POOL, 'spec', (more) => ({ capacitySpec: capacity, [field]: more })),
  ]),
  inPool('spec.minRemainingLifetimeSeconds', optional(whole(MAX_REMAINING_LIFETIME_SECONDS)), (minRemainingLifetimeSeconds) => ({ minRemainingLifetimeSeconds })),
  inPool('spec.recycleStrategy', optional(closed([{}])), (recycleStrategy) => ({ recycleStrategy })),
  inPool('spec.recycleStrategy.type', optional(choice(RECYCLE_TYPES)), (type) => ({ recycleStrategy: { type } })),
  unknownIn('capacitySpec', POOL, 'spec', (more) => ({ capacitySpec: { ...capacity, ...more } })),
  unknownIn('recycleStrategy', POOL, 'spec', (more) => ({ capacitySpec: capacity, recycleStrategy: more })),
  unknownIn('spec', POOL, 'spec', (more) => ({ capacitySpec: capacity, ...more })),
];

const patches = listOf(MAX_BATCH_REPLICAS, null, ['', 'x', 1, true, [], [null]]);
const BATCH_SPEC: readonly FieldCases[] = [
  { field: 'spec', resource: BATCH_SANDBOX, part: 'spec', with: (value) => value, ...required({ right: [{}], wrong: ['', 1, true, [], [{}]] }) },
  inBatch('replicas', optional(whole(MAX_BATCH_REPLICAS))),
  inBatch('poolRef', optional(text(253))),
  inBatch('template', optional(kept)),
  inBatch('shardPatches', optional(patches)),
  inBatch('expireTime', optional(time)),
  inBatch('taskTemplate', optional(kept)),
  inBatch('shardTaskPatches', optional(patches)),
  inBatch('taskResourcePolicyWhenCompleted', optional(choice(TASK_RESOURCE_POLICIES))),
  inBatch('priority', optional(whole(MAX_INT32, -MAX_INT32 - 1))),
  inBatch('allocationPolicy', optional(choice(ALLOCATION_POLICIES))),
  inBatch('pause', optional(flag)),
  unknownIn('spec', BATCH_SANDBOX, 'spec', (more) => more),
];

const statusCases = (resource: AnyResource, base: object, fields: Readonly<Record<string, Values>>): FieldCases[] =>
  Object.entries(fields).map(([field, values]) => ({ field: `status.${field}`, resource, part: 'status', with: (value) => ({ ...base, [field]: value }), ...values }));

const conditionCases = (resource: AnyResource, base: object, types: readonly string[]): FieldCases[] => {
  const [type = ''] = types;
  const inCondition = (field: string, values: Values): FieldCases => ({
    field: `status.conditions[].${field}`,
    resource,
    part: 'status',
    with: (value) => ({ ...base, conditions: [{ type, status: 'True', [field]: value }] }),
    ...values,
  });
  const all = types.map((name) => ({ type: name, status: 'True' }));
  return [
    ...statusCases(resource, base, { conditions: optional({ right: [[], all], wrong: [[...all, all[0]], [all[0], all[0]], [null], ['x'], [[]], {}, '', 1] }) }),
    inCondition('type', required(choice(types))),
    inCondition('status', required({ ...choice(['True', 'False']), wrong: ['true', 'Unknown', true, 1, []] })),
    inCondition('reason', optional(text(256))),
    inCondition('message', optional(text(8192))),
    inCondition('lastTransitionTime', optional(time)),
    unknownIn('conditions[]', resource, 'status', (more) => ({ ...base, conditions: [{ type, status: 'True', ...more }] })),
  ];
};

const poolStatus = { revision: 'r', total: 1, allocated: 0, available: 1 };
const generation = whole(Number.MAX_SAFE_INTEGER);
const POOL_STATUS: readonly FieldCases[] = [
  { field: 'status', resource: POOL, part: 'status', with: (value) => value, ...optional(closed([poolStatus])) },
  ...statusCases(POOL, poolStatus, {
    observedGeneration: optional(generation),
    revision: required(text(16)),
    total: required(whole(MAX_INT32)),
    allocated: required(whole(MAX_INT32)),
    available: required(whole(MAX_INT32)),
    updated: optional(whole(MAX_INT32)),
  }),
  ...conditionCases(POOL, poolStatus, POOL_CONDITION_TYPES),
  unknownIn('status', POOL, 'status', (more) => ({ ...poolStatus, ...more })),
];

const COUNTS = ['replicas', 'allocated', 'ready', 'taskRunning', 'taskSucceed', 'taskFailed', 'taskPending', 'taskUnknown'];
const batchStatus = Object.fromEntries(COUNTS.map((count) => [count, 0]));
const inAllocation = (field: string, values: Values): FieldCases => ({
  field: `status.allocation.${field}`,
  resource: BATCH_SANDBOX,
  part: 'status',
  with: (value) => ({ ...batchStatus, allocation: { [field]: value } }),
  ...optional(values),
});
const podList = listOf(MAX_BATCH_REPLICAS, '', [null, 1, true, [], {}, 'x'.repeat(321)]);
const BATCH_STATUS: readonly FieldCases[] = [
  { field: 'status', resource: BATCH_SANDBOX, part: 'status', with: (value) => value, ...optional(closed([batchStatus])) },
  ...statusCases(BATCH_SANDBOX, batchStatus, {
    ...Object.fromEntries(COUNTS.map((count) => [count, required(whole(MAX_INT32))])),
    observedGeneration: optional(generation),
    taskStates: optional(text(MAX_BATCH_REPLICAS)),
    phase: optional(choice(BATCH_PHASES)),
    pauseObservedGeneration: optional(generation),
    allocation: optional(closed([{}])),
  }),
  ...conditionCases(BATCH_SANDBOX, batchStatus, BATCH_CONDITION_TYPES),
  inAllocation('poolName', text(253)),
  inAllocation('poolUID', text(64)),
  inAllocation('podPrefix', text(253)),
  inAllocation('slots', podList),
  inAllocation('returning', podList),
  unknownIn('allocation', BATCH_SANDBOX, 'status', (more) => ({ ...batchStatus, allocation: more })),
  unknownIn('status', BATCH_SANDBOX, 'status', (more) => ({ ...batchStatus, ...more })),
];

/** Every field of every kind, with values at each of its bounds and of each wrong form. */
export const FIELD_CASES: readonly FieldCases[] = [...POOL_SPEC, ...BATCH_SPEC, ...POOL_STATUS, ...BATCH_STATUS];
