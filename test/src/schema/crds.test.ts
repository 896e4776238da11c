import type { BatchSandboxStatus } from '../../../src/schema/batch-sandbox';
import { allCrds, BATCH_SANDBOX, POOL } from '../../../src/schema/crds';
import type { PoolStatus } from '../../../src/schema/pool';
import type { CustomResourceDefinition } from '../../../src/schema/resource';
import type { StructuralSchema } from '../../../src/schema/structural';

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

/** What the API server leaves of a value: only fields that the schema has. */
function pruned(value: unknown, schema: StructuralSchema | undefined): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => pruned(item, schema?.items));
  }
  if (typeof value !== 'object' || value === null || schema?.['x-kubernetes-preserve-unknown-fields'] === true) {
    return value;
  }
  const known = Object.entries(value).filter(([name]) => schema?.properties?.[name] !== undefined);
  return Object.fromEntries(known.map(([name, field]) => [name, pruned(field, schema?.properties?.[name])]));
}

function schemaOf(crd: CustomResourceDefinition): StructuralSchema | undefined {
  return crd.spec.versions[0]?.schema.openAPIV3Schema;
}

test('CRDs are public contract', () => {
  expect(allCrds()).toMatchSnapshot();
});

test('CRDs have the same bytes each time, and no object is shared', () => {
  const [first, second] = [allCrds(), allCrds()];
  expect(JSON.stringify(first)).toBe(JSON.stringify(second));
  expect(first[0]).not.toBe(second[0]);
});

test.each([
  { kind: 'Pool', resource: POOL, status: poolStatus, spec: { capacitySpec: { bufferMin: 1, bufferMax: 1, poolMin: 1, poolMax: 1 } } },
  { kind: 'BatchSandbox', resource: BATCH_SANDBOX, status: batchStatus, spec: { replicas: 2, taskResourcePolicyWhenCompleted: 'Retain' } },
])('every status field of a $kind survives the API server and parse', ({ resource, spec, status }) => {
  const object = { spec, status };
  expect(pruned(object, schemaOf(resource.crd()))).toEqual(object);
  expect(resource.parse(object)).toEqual({ ok: true, value: object });
});

test('parse says where in the object the problem stands', () => {
  expect(BATCH_SANDBOX.parse({ spec: { replicas: -1 } })).toEqual({
    ok: false,
    problems: [{ path: 'spec.replicas', expected: 'a whole number from 0 to 10000', got: '-1' }],
  });
});
