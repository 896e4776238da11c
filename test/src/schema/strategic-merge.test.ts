import * as fc from 'fast-check';
import { formatProblem } from '../../../src/schema/errors';
import { mergeTableOf, POD_MERGE } from '../../../src/schema/merge-tables';
import { strategicMerge } from '../../../src/schema/strategic-merge';

const merged = (base: unknown, patch: unknown, table = POD_MERGE) => {
  const result = strategicMerge(base, patch, table);
  return result.ok ? result.value : result.problems.map(formatProblem);
};

interface Case {
  readonly base: unknown;
  readonly patch: unknown;
  readonly want: unknown;
}

const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];

describe('values (R26)', () => {
  test.each<[string, Case]>([
    ['objects merge field by field', { base: { x: { p: 1, q: 1 } }, patch: { x: { q: 2, r: 3 } }, want: { x: { p: 1, q: 2, r: 3 } } }],
    ['plain values are replaced', { base: { x: 1, y: 1 }, patch: { x: 'two' }, want: { x: 'two', y: 1 } }],
    ['null removes a field', { base: { x: 1, y: 1 }, patch: { x: null }, want: { y: 1 } }],
    ['null adds nothing, at any depth', { base: {}, patch: { x: null, y: { z: null } }, want: { y: {} } }],
    ['undefined says nothing', { base: { x: 1 }, patch: { x: undefined }, want: { x: 1 } }],
    ['a value of another type is replaced', { base: { x: 1, y: [1] }, patch: { x: { z: 1 }, y: 2 }, want: { x: { z: 1 }, y: 2 } }],
    ['other lists are replaced as a whole', { base: { args: ['a', 'b'] }, patch: { args: ['c'] }, want: { args: ['c'] } }],
    ['tolerations are replaced', { base: { tolerations: [{ key: 'a' }] }, patch: { tolerations: [{ key: 'b' }] }, want: { tolerations: [{ key: 'b' }] } }],
    ['a missing base is an empty one', { base: undefined, patch: { x: 1 }, want: { x: 1 } }],
    [
      'a field of a strange name is only a field',
      { base: {}, patch: JSON.parse('{"__proto__":{"x":1}}'), want: JSON.parse('{"__proto__":{"x":1}}') },
    ],
  ])('%s', (_title, { base, patch, want }) => {
    expect(merged(base, patch)).toEqual(want);
  });
});

describe('lists merged by key (R27)', () => {
  test.each([
    ['containers', 'name'],
    ['initContainers', 'name'],
    ['env', 'name'],
    ['volumes', 'name'],
    ['imagePullSecrets', 'name'],
    ['schedulingGates', 'name'],
    ['resourceClaims', 'name'],
    ['ports', 'containerPort'],
    ['volumeMounts', 'mountPath'],
    ['volumeDevices', 'devicePath'],
    ['hostAliases', 'ip'],
    ['topologySpreadConstraints', 'topologyKey'],
  ])('%s by %s: the same key merges, a new one comes first', (list, key) => {
    const base = { [list]: [{ [key]: 'one', kept: 1 }, { [key]: 'two' }] };
    const patch = { [list]: [{ [key]: 'three' }, { [key]: 'one', added: 2 }] };
    expect(merged(base, patch)).toEqual({ [list]: [{ [key]: 'three' }, { [key]: 'one', kept: 1, added: 2 }, { [key]: 'two' }] });
  });

  test.each<[string, Case]>([
    ['finalizers become a union', { base: { finalizers: ['a', 'b'] }, patch: { finalizers: ['c', 'a'] }, want: { finalizers: ['c', 'a', 'b'] } }],
    [
      'keyed lists merge inside keyed lists',
      {
        base: { containers: [{ name: 'a', env: [{ name: 'X', value: '1' }] }] },
        patch: { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }] }] },
        want: { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }, { name: 'X', value: '1' }] }] },
      },
    ],
    [
      'a port number and its text are one key',
      { base: { ports: [{ containerPort: 80 }] }, patch: { ports: [{ containerPort: '80', name: 'web' }] }, want: { ports: [{ containerPort: '80', name: 'web' }] } },
    ],
    [
      'one port for two protocols stays two items',
      {
        base: { ports: [{ containerPort: 53, protocol: 'TCP' }, { containerPort: 53, protocol: 'UDP' }] },
        patch: { ports: [{ containerPort: 53, protocol: 'TCP' }, { containerPort: 53, protocol: 'UDP', name: 'dns' }] },
        want: { ports: [{ containerPort: 53, protocol: 'TCP' }, { containerPort: 53, protocol: 'UDP', name: 'dns' }] },
      },
    ],
  ])('%s', (_title, { base, patch, want }) => {
    expect(merged(base, patch)).toEqual(want);
  });

  test('ports of a Service have another key than those of a container', () => {
    const patch = { spec: { ports: [{ port: 80, name: 'web' }] } };
    expect(merged({ spec: { ports: [{ port: 80 }] } }, patch, mergeTableOf('Service'))).toEqual(patch);
  });
});

describe('directives (R28)', () => {
  test.each<[string, Case]>([
    ['$patch: delete removes an item', { base: { containers: [a, b] }, patch: { containers: [{ name: 'a', $patch: 'delete' }] }, want: { containers: [b] } }],
    ['$patch: delete of what is not there is nothing', { base: {}, patch: { containers: [{ name: 'a', $patch: 'delete' }, b] }, want: { containers: [b] } }],
    ['the patch gives the order when nothing else does', { base: { containers: [a, b, c] }, patch: { containers: [c, a] }, want: { containers: [b, c, a] } }],
    ['$patch: delete empties an object', { base: { x: { y: 1 } }, patch: { x: { $patch: 'delete' } }, want: { x: {} } }],
    ['$patch: delete makes no object where there was none', { base: {}, patch: { x: { $patch: 'delete' } }, want: {} }],
    ['$patch: replace replaces an object', { base: { x: { y: 1 } }, patch: { x: { $patch: 'replace', z: 2 } }, want: { x: { z: 2 } } }],
    ['$patch: replace among items replaces the list', { base: { containers: [a, b] }, patch: { containers: [c, { $patch: 'replace' }] }, want: { containers: [c] } }],
    ['$patch: merge is what happens anyway', { base: { x: { y: 1 } }, patch: { x: { $patch: 'merge', z: 2 } }, want: { x: { y: 1, z: 2 } } }],
    [
      '$retainKeys drops the fields that it does not name',
      {
        base: { volumes: [{ name: 'data', emptyDir: {} }] },
        patch: { volumes: [{ name: 'data', hostPath: { path: '/d' }, $retainKeys: ['name', 'hostPath'] }] },
        want: { volumes: [{ name: 'data', hostPath: { path: '/d' } }] },
      },
    ],
    [
      '$deleteFromPrimitiveList removes values',
      { base: { finalizers: ['a', 'b'] }, patch: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c'] }, want: { finalizers: ['c', 'b'] } },
    ],
    [
      '$setElementOrder orders the list, new items included',
      {
        base: { containers: [a, b] },
        patch: { '$setElementOrder/containers': [c, b, a], containers: [c] },
        want: { containers: [c, b, a] },
      },
    ],
    [
      '$setElementOrder keeps an item that it does not name before the one that it preceded',
      { base: { containers: [c, a, b] }, patch: { '$setElementOrder/containers': [b, a] }, want: { containers: [c, b, a] } },
    ],
    [
      '$setElementOrder puts an item that preceded nothing last',
      { base: { containers: [a, b, c] }, patch: { '$setElementOrder/containers': [b, a] }, want: { containers: [b, a, c] } },
    ],
    ['$setElementOrder orders plain values', { base: { finalizers: ['a', 'b'] }, patch: { '$setElementOrder/finalizers': ['b', 'a'] }, want: { finalizers: ['b', 'a'] } }],
    ['$setElementOrder of a list that is not there makes none', { base: {}, patch: { '$setElementOrder/containers': [a] }, want: {} }],
  ])('%s', (_title, { base, patch, want }) => {
    expect(merged(base, patch)).toEqual(want);
  });

  test.each<[string, unknown, string[]]>([
    ['a patch that is no object', 'x', ["expected an object, got a string"]],
    [
      'items without their key and items that are no objects, together',
      { spec: { containers: [{ image: 'i' }, 'x'] } },
      [
        'spec.containers[0].name: expected a value, since the items are told apart by it, got nothing',
        'spec.containers[1]: expected an object with name, got a string',
      ],
    ],
    ['an unknown directive', { x: { $patch: 'drop' } }, ["x.$patch: expected one of 'merge', 'replace', 'delete', got 'drop'"]],
    [
      'fields that $retainKeys would drop at once',
      { x: { $retainKeys: ['y'], z: 1 } },
      ["x.$retainKeys: expected every field of the patch, 'z' too, got a list of 1 item"],
    ],
    ['$retainKeys that is no list', { x: { $retainKeys: 'y' } }, ["x.$retainKeys: expected a list of field names, got 'y'"]],
    [
      'an order that is no list',
      { '$setElementOrder/containers': 'a', containers: [] },
      ["['$setElementOrder/containers']: expected a list, got 'a'"],
    ],
  ])('refuses %s', (_title, patch, want) => {
    expect(merged({}, patch)).toEqual(want);
  });
});

describe('on random pods', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd');
  const env = fc.uniqueArray(fc.record({ name: names, value: fc.option(names) }, { requiredKeys: ['name'] }), { selector: (item) => item.name });
  const container = fc.record({ name: names, image: names, env, args: fc.array(names) }, { requiredKeys: ['name'] });
  const containers = fc.uniqueArray(container, { selector: (item) => item.name });
  const labels = fc.dictionary(names, fc.option(names));
  const pod = fc.record({ metadata: fc.record({ labels, finalizers: fc.uniqueArray(names) }), spec: fc.record({ containers }) }, { requiredKeys: [] });
  const deletion = fc.record({ name: names, $patch: fc.constant('delete') });
  // One item a key: a patch that both sets and deletes a container moves it to the end each time.
  const changes = fc.uniqueArray(fc.oneof(container, deletion), { selector: (item) => item.name });
  const patch = fc.record(
    {
      metadata: fc.record({ labels, finalizers: fc.array(names), '$deleteFromPrimitiveList/finalizers': fc.array(names) }, { requiredKeys: [] }),
      spec: fc.record(
        { containers: changes, '$setElementOrder/containers': fc.array(fc.record({ name: names })) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  );

  test('an empty patch changes nothing', () => {
    fc.assert(
      fc.property(pod, (base) => {
        expect(merged(base, {})).toEqual(base);
      }),
    );
  });

  test('applying a patch twice is applying it once', () => {
    fc.assert(
      fc.property(pod, patch, (base, change) => {
        const once = merged(base, change);
        expect(merged(once, change)).toEqual(once);
      }),
    );
  });

  test('neither argument is changed', () => {
    fc.assert(
      fc.property(pod, patch, (base, change) => {
        const before = JSON.stringify([base, change]);
        merged(base, change);
        expect(JSON.stringify([base, change])).toBe(before);
      }),
    );
  });
});
