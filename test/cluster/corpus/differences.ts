import { ApiObject, type Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { BatchSandboxFleet, type BatchSandboxFleetProps, PodTemplate, SandboxPool, TaskShards } from '../../../src';
import { BATCH_SANDBOX, POOL } from '../../../src/schema/crds';
import { pod } from '../../support/synth';
import type { AnyResource } from './verdict';

/** Something that we refuse on purpose although the API server takes it. */
export interface Difference {
  readonly what: string;
  /** Why the API server cannot refuse it, or should not. */
  readonly reason: string;
  readonly resource: AnyResource;
  /** What we say. */
  readonly problem: RegExp;
  /** Makes the construct whose manifest is meant, with whatever it needs. */
  readonly build: (chart: Chart) => Construct;
}

const SCHEMALESS = 'templates and patches have no schema in the CRD, so that every field of every Kubernetes passes; the operator sets Accepted=False, or fails the one task';
const CROSS_OBJECT = 'a CRD sees one object at a time';
const OLD_CLUSTERS = 'a CRD that bounds names would keep finalizers on objects that exist already, where updates are not ratcheted (before Kubernetes 1.30)';
const SERVED = 'such an object is served, in the way that its fields allow (R12, R24, R45, R61), and a user of kubectl may want it';

const bounds = { bufferMin: 1, poolMax: 4 };
const fleet = (props: Partial<BatchSandboxFleetProps>) => (chart: Chart) => new BatchSandboxFleet(chart, 'fleet', props as BatchSandboxFleetProps);
const named = SandboxPool.fromPoolName('warm');

/** Every place where our verdict differs from that of the API server. */
export const DIFFERENCES: readonly Difference[] = [
  {
    what: 'a name of 64 characters',
    reason: OLD_CLUSTERS,
    resource: BATCH_SANDBOX,
    problem: /: metadata\.name: expected a DNS label .*, got 'x{64}'$/,
    build: fleet({ pool: named, metadata: { name: 'x'.repeat(64) } }),
  },
  {
    what: 'a name with a dot',
    reason: OLD_CLUSTERS,
    resource: POOL,
    problem: /: metadata\.name: expected a DNS label .*, got 'a\.b'$/,
    build: (chart) => new SandboxPool(chart, 'pool', { ...bounds, template: pod, metadata: { name: 'a.b' } }),
  },
  {
    what: 'a container without a name',
    reason: SCHEMALESS,
    resource: POOL,
    problem: /: template\.spec\.containers\[0\]\.name: expected a DNS label .*, got nothing$/,
    build: (chart) => new SandboxPool(chart, 'pool', { ...bounds, template: PodTemplate.fromSpec({ containers: [{ image: 'busybox' }] }) }),
  },
  {
    what: 'a patch that makes no pod',
    reason: SCHEMALESS,
    resource: BATCH_SANDBOX,
    problem: /: shardPatches\[0\]\.spec\.containers\[0\]\.name: expected a value, .*, got nothing$/,
    build: fleet({ template: pod, shardPatches: [{ spec: { containers: [{ image: 'no name' }] } }] }),
  },
  {
    what: 'a task without a command',
    reason: SCHEMALESS,
    resource: BATCH_SANDBOX,
    problem: /: command: expected a list of at least 1 item, got nothing;/,
    build: (chart) => {
      const tasks = new TaskShards(chart, 'tasks', { args: ['x'] });
      return fleet({ pool: named, tasks })(chart);
    },
  },
  {
    what: 'an idle minimum above poolMax',
    reason: SERVED,
    resource: POOL,
    problem: /: bufferMin: expected at most poolMax \(4\), got 5;/,
    build: (chart) => new SandboxPool(chart, 'pool', { template: pod, bufferMin: 5, poolMax: 4 }),
  },
  {
    what: 'a pool beside a template',
    reason: SERVED,
    resource: BATCH_SANDBOX,
    problem: /: template: expected nothing beside pool, got an object;/,
    build: fleet({ pool: named, template: pod }),
  },
  {
    what: 'neither a pool nor a template',
    reason: SERVED,
    resource: BATCH_SANDBOX,
    problem: /: pool: expected a pool or a template, got nothing;/,
    build: fleet({ replicas: 1 }),
  },
  {
    what: 'more patches than sandboxes',
    reason: SERVED,
    resource: BATCH_SANDBOX,
    problem: /: shardPatches: expected at most 1 items \(replicas\), got a list of 2 items;/,
    build: fleet({ template: pod, replicas: 1, shardPatches: [{ spec: {} }, { spec: {} }] }),
  },
  {
    what: 'a time in the past',
    reason: SERVED,
    resource: BATCH_SANDBOX,
    problem: /: expireTime: expected a time in the future, got '1970-01-01T00:00:00Z';/,
    build: fleet({ pool: named, expireTime: new Date(0) }),
  },
  {
    what: 'more sandboxes than the pool may have pods',
    reason: CROSS_OBJECT,
    resource: BATCH_SANDBOX,
    problem: /: replicas: expected at most poolMax of the pool \(4\), got 5;/,
    build: (chart) => fleet({ pool: new SandboxPool(chart, 'pool', { ...bounds, template: pod }), replicas: 5 })(chart),
  },
  {
    what: 'a pool without an executor for tasks',
    reason: CROSS_OBJECT,
    resource: BATCH_SANDBOX,
    problem: /: tasks: expected an executor in the pod \(container port 5758\), got nothing;/,
    build: (chart) => {
      const pool = new SandboxPool(chart, 'pool', { ...bounds, template: pod });
      return fleet({ pool, tasks: new TaskShards(chart, 'tasks', { command: ['true'], shards: [{}] }) })(chart);
    },
  },
];

/** The manifest that a construct would write if nobody checked it. */
export function uncheckedManifest({ build }: Difference, chart: Chart): { readonly metadata: object; readonly spec: unknown } {
  return ApiObject.of(build(chart)).toJson();
}
