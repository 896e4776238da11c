import { z } from 'zod';
import { batchSandboxSpec, batchSandboxStatus } from '../../../src/schema/batch-sandbox';
import { formatProblem } from '../../../src/schema/errors';
import { poolSpec } from '../../../src/schema/pool';
import { taskTemplate } from '../../../src/schema/task';
import { brokenRules, parse, parseShape, type Parsed, parseStrict } from '../../../src/schema/validation';

const capacity = { bufferMin: 1, bufferMax: 2, poolMin: 1, poolMax: 4 };

function messagesOf(parsed: Parsed<unknown>): string[] {
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
}

describe('parseStrict', () => {
  test.each<[string, z.ZodType, unknown, string[]]>([
    ['a whole that is no object', poolSpec, null, ['expected an object, got null']],
    ['a missing field', poolSpec, {}, ['capacitySpec: expected an object, got nothing']],
    [
      'numbers out of bounds, broken and of another type, all together',
      poolSpec,
      { capacitySpec: { ...capacity, bufferMin: -1, poolMin: 1.5, poolMax: '4' } },
      [
        'capacitySpec.bufferMin: expected a whole number from 0 to 10000, got -1',
        'capacitySpec.poolMin: expected a whole number from 0 to 10000, got 1.5',
        "capacitySpec.poolMax: expected a whole number from 0 to 10000, got '4'",
      ],
    ],
    [
      'an unknown key, with the name that was probably meant',
      poolSpec,
      { capacitySpec: { ...capacity, buferMax: 2 } },
      ["capacitySpec: expected one of the fields 'bufferMin', 'bufferMax', 'poolMin', 'poolMax', got 'buferMax'; did you mean 'bufferMax'?"],
    ],
    [
      'an unknown key like no other',
      taskTemplate,
      { spec: { process: { command: ['ls'], shell: true } } },
      ["spec.process: expected one of the fields 'command', 'args', 'env', 'workingDir', got 'shell'"],
    ],
    [
      'another choice than the allowed ones',
      poolSpec,
      { capacitySpec: capacity, recycleStrategy: { type: 'delete' } },
      ["recycleStrategy.type: expected one of 'Delete', 'Restart', 'Noop', got 'delete'"],
    ],
    [
      'a percentage below zero',
      poolSpec,
      { capacitySpec: capacity, scaleStrategy: { maxUnavailable: -1 } },
      ['scaleStrategy.maxUnavailable: expected a whole number of at least 0 or a percentage such as 25%, got -1'],
    ],
    [
      'a broken rule beside a wrong shape elsewhere',
      poolSpec,
      { capacitySpec: { ...capacity, bufferMin: 10 }, template: 'x' },
      [
        "template: expected an object, got 'x'",
        'capacitySpec.bufferMin: expected at most bufferMax (2), got 10; lower bufferMin or raise bufferMax',
      ],
    ],
    [
      'times, booleans and list items',
      batchSandboxSpec,
      { expireTime: 'soon', pause: 'yes', shardPatches: [null, {}, 3] },
      [
        'shardPatches[2]: expected an object, got 3',
        "expireTime: expected a time such as 2026-12-31T23:59:59Z, got 'soon'",
        "pause: expected true or false, got 'yes'",
      ],
    ],
    [
      'lists and texts of a wrong length',
      taskTemplate,
      { spec: { process: { command: [], env: [{ name: '' }], workingDir: 'x'.repeat(4097) } } },
      [
        'spec.process.command: expected a list of at least 1 item, got a list of 0 items',
        "spec.process.env[0].name: expected a name without '=' of 1 to 256 characters, got a string",
        'spec.process.workingDir: expected text of at most 4096 characters without NUL, got a string',
      ],
    ],
    [
      'NUL where the system would end the text, without a word of the task',
      taskTemplate,
      { spec: { process: { command: ['a\0'], args: ['b\0'], env: [{ name: 'A', value: 'hidden\0' }], workingDir: '/c\0' } } },
      [
        'spec.process.command[0]: expected text of at most 131072 characters without NUL, got a string',
        'spec.process.args[0]: expected text of at most 131072 characters without NUL, got a string',
        'spec.process.env[0].value: expected text of at most 131072 characters without NUL, got a string',
        'spec.process.workingDir: expected text of at most 4096 characters without NUL, got a string',
      ],
    ],
    [
      'a key that is no plain name',
      z.object({ labels: z.record(z.string(), z.string()) }),
      { labels: { 'a.b/c': 3 } },
      ["labels['a.b/c']: expected text, got 3"],
    ],
    [
      'text of another form, in the words of its schema',
      z.object({ name: z.string().regex(/^a/).meta({ expected: 'a name that starts with a' }), id: z.string().regex(/^b/) }),
      { name: 'b', id: 'c' },
      ["name: expected a name that starts with a, got 'b'", "id: expected text matching ^b, got 'c'"],
    ],
  ])('refuses %s', (_title, schema, value, want) => {
    expect(messagesOf(parseStrict(schema, value))).toEqual(want);
  });

  test('never prints the environment of a task', () => {
    const env = [{ name: 'A', value: 5 }, 'TOKEN=hidden', { name: 'B', value: 'hidden', valu: 'hidden' }];
    const messages = messagesOf(parseStrict(taskTemplate, { spec: { process: { command: ['ls'], env } } }));
    expect(messages).toEqual([
      'spec.process.env[0].value: expected text of at most 131072 characters without NUL, got a number',
      'spec.process.env[1]: expected {name, value}, got a string',
      "spec.process.env[2]: expected one of the fields 'name', 'value', got 'valu'; did you mean 'value'?",
    ]);
    expect(messagesOf(parseStrict(taskTemplate, { spec: { process: { command: ['ls'], env: 'TOKEN=hidden' } } }))).toEqual([
      'spec.process.env: expected a list of {name, value}, got a string',
    ]);
  });

  test('takes what is right, with defaults, and does not look into preserved fields', () => {
    const spec = { template: { spec: { anything: [{ goes: 1 }] } }, poolRef: undefined };
    expect(parseStrict(batchSandboxSpec, spec)).toEqual({
      ok: true,
      value: { ...spec, replicas: 1, taskResourcePolicyWhenCompleted: 'Retain' },
    });
  });
});

describe('null', () => {
  test('is an absent field, as for the API server, and keeps its meaning where it has one', () => {
    const spec = { replicas: null, poolRef: null, template: { spec: null }, shardPatches: [null, { spec: null }] };
    const value = { replicas: 1, template: { spec: null }, shardPatches: [null, { spec: null }], taskResourcePolicyWhenCompleted: 'Retain' };
    expect(parseStrict(batchSandboxSpec, spec)).toEqual({ ok: true, value });
  });

  test('is no item of a list, and no field that must be there', () => {
    expect(messagesOf(parse(taskTemplate, { spec: { process: { command: ['ls', null], env: [null] } } }))).toEqual([
      'spec.process.command[1]: expected text of at most 131072 characters without NUL, got null',
      'spec.process.env[0]: expected {name, value}, got null',
    ]);
    expect(messagesOf(parse(poolSpec, { capacitySpec: { ...capacity, poolMin: null } }))).toEqual([
      'capacitySpec.poolMin: expected a whole number from 0 to 10000, got null',
    ]);
  });
});

test('a list with a key has each key once', () => {
  const conditions = ['Ready', 'Progressing', 'Ready'].map((type) => ({ type, status: 'True' }));
  const status = { replicas: 0, allocated: 0, ready: 0, taskRunning: 0, taskSucceed: 0, taskFailed: 0, taskPending: 0, taskUnknown: 0, conditions };
  expect(messagesOf(parse(batchSandboxStatus, status))).toEqual(["conditions[2]: expected another type than the items before it, got 'Ready'"]);
});

describe('programs', () => {
  test('parse drops unknown keys, as the API server does', () => {
    expect(parse(poolSpec, { capacitySpec: { ...capacity, extra: 1 }, extra: 1 })).toEqual({ ok: true, value: { capacitySpec: capacity } });
  });

  test('parse judges rules, parseShape leaves them to the caller', () => {
    const spec = { capacitySpec: { ...capacity, poolMin: 9 } };
    const want = ['capacitySpec.poolMin: expected at most poolMax (4), got 9; lower poolMin or raise poolMax'];
    expect(messagesOf(parse(poolSpec, spec))).toEqual(want);
    expect(parseShape(poolSpec, spec)).toEqual({ ok: true, value: spec });
    expect(brokenRules(poolSpec, spec).map(formatProblem)).toEqual(want);
  });
});
