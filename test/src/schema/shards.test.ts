import { formatProblem } from '../../../src/schema/errors';
import { podOfShard, taskOfShard } from '../../../src/schema/shards';

const task = (process: object, more: object = {}) => ({ spec: { process, ...more } });

const shown = (result: ReturnType<typeof taskOfShard> | ReturnType<typeof podOfShard>) =>
  result.ok ? result.value : result.problems.map(formatProblem);

const base = task(
  { command: ['sh'], args: ['-c', 'true'], env: [{ name: 'A', value: '1' }, { name: 'B', value: '1' }] },
  { timeoutSeconds: 5 },
);

describe('taskOfShard', () => {
  test.each<[string, { base: unknown; patch: unknown; want: unknown }]>([
    ['no patch leaves the base', { base, patch: undefined, want: base }],
    ['null and {} are no patch', { base, patch: null, want: base }],
    ['an empty base and no patch are no task (R32)', { base: undefined, patch: {}, want: undefined }],
    ['a patch alone is a task (R32)', { base: undefined, patch: task({ command: ['ls'] }), want: task({ command: ['ls'] }) }],
    [
      'command and args are replaced as whole lists (R29)',
      {
        base,
        patch: task({ command: ['python'], args: ['x.py'] }),
        want: task({ ...base.spec.process, command: ['python'], args: ['x.py'] }, { timeoutSeconds: 5 }),
      },
    ],
    [
      'env is merged by name, each name once, and the patch wins (R29)',
      {
        base: task({ command: ['ls'], env: [{ name: 'A', value: '1' }, { name: 'A', value: '2' }, { name: 'B', value: '1' }] }),
        patch: task({ env: [{ name: 'C', value: '3' }, { name: 'A', value: '3' }, { name: 'C', value: '4' }] }),
        want: task({ command: ['ls'], env: [{ name: 'C', value: '4' }, { name: 'A', value: '3' }, { name: 'B', value: '1' }] }),
      },
    ],
    [
      'a variable can be taken away',
      {
        base: task({ command: ['ls'], env: [{ name: 'A', value: '1' }, { name: 'B', value: '1' }] }),
        patch: task({ env: [{ name: 'A', $patch: 'delete' }] }),
        want: task({ command: ['ls'], env: [{ name: 'B', value: '1' }] }),
      },
    ],
    ['timeoutSeconds of the patch is honoured (R30)', { base, patch: { spec: { timeoutSeconds: 9 } }, want: task(base.spec.process, { timeoutSeconds: 9 }) }],
    [
      'a fault of the base is reported there',
      {
        base: task({ args: ['x'] }),
        patch: task({ env: [] }),
        want: ['taskTemplate.spec.process.command: expected a list of at least 1 item, got nothing'],
      },
    ],
    [
      'a fault of the patch is reported there, without the value of a variable',
      {
        base,
        patch: task({ command: [], env: [{ name: 'A', value: 3 }] }),
        want: [
          'shardTaskPatches[7].spec.process.command: expected a list of at least 1 item, got a list of 0 items',
          'shardTaskPatches[7].spec.process.env[0].value: expected text of at most 131072 characters without NUL, got a number',
        ],
      },
    ],
    [
      'a variable without a name cannot be merged (R28)',
      {
        base,
        patch: task({ env: [{ value: 'hidden' }] }),
        want: ['shardTaskPatches[7].spec.process.env[0].name: expected a value, since the items are told apart by it, got nothing'],
      },
    ],
    [
      'an empty program, in the patch',
      { base, patch: task({ command: ['', 'x'] }), want: ["shardTaskPatches[7].spec.process.command[0]: expected the name of a program, got ''"] },
    ],
    [
      'an empty program, in the base',
      { base: task({ command: [''] }), patch: task({ args: ['x'] }), want: ["taskTemplate.spec.process.command[0]: expected the name of a program, got ''"] },
    ],
    ['an empty argument is one', { base, patch: task({ command: ['echo', ''] }), want: task({ ...base.spec.process, command: ['echo', ''] }, { timeoutSeconds: 5 }) }],
    [
      'text in the place of a command, an argument or the whole process is not shown (R135)',
      {
        base,
        patch: task({ command: 'echo secret', args: ['x', 7], env: [{ name: 'A=secret', value: '' }] }),
        want: [
          'shardTaskPatches[7].spec.process.command: expected a list of at least 1 item, got a string',
          'shardTaskPatches[7].spec.process.args[1]: expected text of at most 131072 characters without NUL, got a number',
          "shardTaskPatches[7].spec.process.env[0].name: expected a name without '=' of 1 to 256 characters, got a string",
        ],
      },
    ],
    ['a base that is no object', { base: 'x', patch: {}, want: ['taskTemplate: expected an object, got a string'] }],
    ['a patch that is no object', { base, patch: 3, want: ['shardTaskPatches[7]: expected an object, got a number'] }],
  ])('%s', (_title, { base: template, patch, want }) => {
    expect(shown(taskOfShard(template, patch, 7))).toEqual(want);
  });
});

describe('podOfShard', () => {
  const template = {
    metadata: { labels: { app: 'x' }, annotations: { note: 'y' }, finalizers: ['example.com/f'] },
    spec: { containers: [{ name: 'main', image: 'one' }] },
  };

  test.each<[string, { template: unknown; patch: unknown; want: unknown }]>([
    ['no patch leaves the template', { template, patch: null, want: template }],
    [
      'the patch starts at the pod (R25)',
      {
        template,
        patch: { metadata: { labels: { shard: '7' } }, spec: { nodeName: 'n', containers: [{ name: 'main', image: 'two' }] } },
        want: {
          metadata: { ...template.metadata, labels: { app: 'x', shard: '7' } },
          spec: { nodeName: 'n', containers: [{ name: 'main', image: 'two' }] },
        },
      },
    ],
    [
      'name, namespace and owner are not for a patch to choose (R2)',
      { template, patch: { metadata: { name: 'a', namespace: 'b', ownerReferences: [{ uid: 'c' }] } }, want: template },
    ],
    ['a missing template', { template: undefined, patch: {}, want: ['template.spec: expected an object, got nothing'] }],
    [
      'a template without containers',
      { template: { spec: {} }, patch: {}, want: ['template.spec.containers: expected a list of at least 1 item, got nothing'] },
    ],
    [
      'a patch that breaks its pod (R31)',
      { template, patch: { metadata: { labels: { shard: 7 } } }, want: ['shardPatches[7].metadata.labels.shard: expected text, got 7'] },
    ],
    [
      'an item without its key (R28)',
      {
        template,
        patch: { spec: { containers: [{ image: 'two' }] } },
        want: ['shardPatches[7].spec.containers[0].name: expected a value, since the items are told apart by it, got nothing'],
      },
    ],
  ])('%s', (_title, { template: given, patch, want }) => {
    expect(shown(podOfShard(given, patch, 7))).toEqual(want);
  });
});
