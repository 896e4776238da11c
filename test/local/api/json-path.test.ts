import { compileJsonPath } from '../../../local/api/json-path';

const object = {
  spec: { replicas: 3, list: [{ name: 'a', port: 1 }, { name: 'b', port: 2 }] },
  metadata: { labels: { 'example.com/colour': 'red' } },
  status: { conditions: [{ type: 'Ready', status: 'True' }, { type: 'Other', status: 'False' }], nothing: null },
};

test.each([
  ['.spec.replicas', [3]],
  ['{.spec.replicas}', [3]],
  ['.spec.list[1].name', ['b']],
  ['.spec.list[-1].name', ['b']],
  ['.spec.list[*].port', [1, 2]],
  [".metadata.labels['example.com/colour']", ['red']],
  [String.raw`.metadata.labels.example\.com/colour`, ['red']],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  [".status.conditions[?(@.type=='Missing')].status", []],
  ['.status.nothing', []],
  ['.status.missing.deeper', []],
])('%s finds %j', (path, found) => {
  expect(compileJsonPath(path)(object)).toEqual(found);
});

test('a path beyond the simple forms is refused when it is compiled', () => {
  expect(() => compileJsonPath('.a[0:2]')).toThrow("JSON path '.a[0:2]': can not read '[0:2]'");
});
