import { hasTasks, planTasks, type SlotTaskPlan, TaskPlans } from '../../../operator/tasks/dispatch';
import type { BatchSandboxSpec } from '../../../src/schema/batch-sandbox';
import { batchOf } from '../../support/builders';

const taskTemplate = { spec: { process: { command: ['count'], args: ['0'], workingDir: '/w' }, timeoutSeconds: 60 } };
const task = (slot: number, process: object): SlotTaskPlan => ({
  kind: 'task',
  task: { name: `b-${slot}`, uid: 'batch-b', process: { command: ['count'], args: ['0'], workingDir: '/w', timeoutSeconds: 60, ...process } },
});

describe('planTasks', () => {
  const cases: { title: string; spec: BatchSandboxSpec; want: SlotTaskPlan[] }[] = [
    { title: 'gives no task without a template or patches', spec: { replicas: 2 }, want: [{ kind: 'none' }, { kind: 'none' }] },
    { title: 'gives nothing for no slots', spec: { replicas: 0, taskTemplate }, want: [] },
    { title: 'counts one slot when replicas is absent', spec: { replicas: undefined, taskTemplate }, want: [task(0, {})] },
    {
      title: 'patches each slot by its own item, and not beyond the list',
      spec: { replicas: 4, taskTemplate, shardTaskPatches: [{ spec: { process: { args: ['9'] } } }, null, { spec: { timeoutSeconds: 5 } }] },
      want: [task(0, { args: ['9'] }), task(1, {}), task(2, { timeoutSeconds: 5 }), task(3, {})],
    },
    {
      title: 'leaves a slot without a task whose merge is empty',
      spec: { replicas: 2, shardTaskPatches: [{ spec: { process: { command: ['x'] } } }] },
      want: [{ kind: 'task', task: { name: 'b-0', uid: 'batch-b', process: { command: ['x'], timeoutSeconds: undefined } } }, { kind: 'none' }],
    },
    { title: 'ignores patches beyond replicas', spec: { replicas: 1, taskTemplate, shardTaskPatches: [null, { spec: 3 }] }, want: [task(0, {})] },
  ];
  test.each(cases)('$title', ({ spec, want }) => {
    expect(planTasks(batchOf('b', spec))).toEqual(want);
  });

  test('names what is wrong with one slot and goes on with the others (R31)', () => {
    const patch = { spec: { process: { command: [], env: [{ name: 'KEY', value: { secret: 'secret' } }] } } };
    const [bad, good] = planTasks(batchOf('b', { replicas: 2, taskTemplate, shardTaskPatches: [patch] }));
    expect(good).toEqual(task(1, {}));
    expect(bad).toEqual({
      kind: 'invalid',
      problems: [
        expect.stringContaining('shardTaskPatches[0].spec.process.command: expected'),
        expect.stringContaining('shardTaskPatches[0].spec.process.env[0].value: expected'),
      ],
    });
    expect(JSON.stringify(bad)).not.toContain('secret');
  });
});

test.each<[string, BatchSandboxSpec, boolean]>([
  ['a template', { taskTemplate }, true],
  ['patches only', { shardTaskPatches: [null] }, true],
  ['an empty list of patches', { shardTaskPatches: [] }, false],
  ['neither', {}, false],
])('a batch with %s has tasks or not (R32)', (_, spec, want) => {
  expect(hasTasks(spec)).toBe(want);
});

test('TaskPlans plans again only when the generation changes', () => {
  const plans = new TaskPlans();
  const batch = batchOf('b', { replicas: 3, taskTemplate });
  const first = plans.of(batch);
  const statusWritten = { ...batch, metadata: { ...batch.metadata, resourceVersion: '2' } };
  expect(plans.of(statusWritten)).toBe(first);
  const edited = { ...batch, spec: { ...batch.spec, replicas: 4 }, metadata: { ...batch.metadata, generation: 2 } };
  expect(plans.of(edited)).toHaveLength(4);
});
