import { refuseBatch } from '../../../operator/batch/check';
import { refusePool } from '../../../operator/pool-refusal';
import { templateRevision } from '../../../operator/pool/template';
import { parseRestartConfig } from '../../../operator/recycle/restart-config';
import { findTooDeep } from '../../../src/schema/depth';
import type { PodTemplateSpec } from '../../../src/schema/kubernetes';
import { podOfShard, taskOfShard } from '../../../src/schema/shards';
import { batchOf } from '../../support/builders';

/** A value of as many levels as the API server takes, or of another number. */
const deep = (levels = 9_900) => JSON.parse(`${'{"a":'.repeat(levels)}{}${'}'.repeat(levels)}`) as Record<string, unknown>;
const template = (levels?: number) => ({ spec: { containers: [{ name: 'main', image: 'none' }], affinity: deep(levels) } }) as PodTemplateSpec;
const capacitySpec = { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 1 };

test('depth is counted without calls that nest', () => {
  expect([findTooDeep(deep(200), 'a'), findTooDeep(deep(201), 'a')]).toEqual([undefined, { path: 'a', expected: 'at most 200 levels', got: 'more' }]);
  expect(findTooDeep(JSON.parse('['.repeat(500_000) + ']'.repeat(500_000)), 'a')).toBeDefined();
});

test('a template of too many levels keeps its batch or Pool from being accepted, and has a revision nevertheless (R124)', () => {
  for (const spec of [{ template: template() }, { poolRef: 'warm', taskTemplate: deep() }]) {
    expect(refuseBatch(batchOf('b', spec))).toMatchObject({ reason: 'InvalidSpec', message: expect.stringContaining('emplate: expected at most 200 levels, got more') as unknown });
  }
  expect(refusePool({ metadata: { name: 'p' }, spec: { template: template(), capacitySpec } })).toBe('spec.template: expected at most 200 levels, got more');
  expect(refusePool({ metadata: { name: 'p' }, spec: { template: template(100), capacitySpec } })).toBeUndefined();
  expect(templateRevision(template())).toBe(templateRevision(undefined));
});

test('a patch of too many levels is a problem of its slot (R31)', () => {
  const problem = { expected: 'at most 200 levels', got: 'more' };
  expect(podOfShard(template(10), { spec: deep() }, 3)).toEqual({ ok: false, problems: [{ path: 'shardPatches[3]', ...problem }] });
  expect(taskOfShard({}, { spec: deep() }, 4)).toEqual({ ok: false, problems: [{ path: 'shardTaskPatches[4]', ...problem }] });
  expect(refuseBatch(batchOf('b', { poolRef: 'warm', replicas: 2_000, shardTaskPatches: [{ spec: deep() }] }))).toMatchObject({ reason: 'TooLarge' });
});

test('a configuration of too many levels is ignored with what was expected (R54, R126)', () => {
  expect(parseRestartConfig(`{"blacklist":${'['.repeat(100_000)}${']'.repeat(100_000)}}`).problems).toEqual([expect.stringContaining("expected a list of container names, got 'a value of many levels'")]);
});
