import { EDITOR_ACCESS, OPERATOR_ACCESS, VIEWER_ACCESS } from '../../../src/schema/access';

const everyRule = [...OPERATOR_ACCESS.served, ...OPERATOR_ACCESS.own, ...EDITOR_ACCESS, ...VIEWER_ACCESS];

test('nobody may read or write Secrets, and nothing is granted by wildcard', () => {
  const words = everyRule.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
  expect(words.filter((word) => word === 'secrets' || word.includes('*'))).toEqual([]);
});

test('viewers change nothing', () => {
  expect([...new Set(VIEWER_ACCESS.flatMap(({ verbs }) => verbs))].sort()).toEqual(['get', 'list', 'watch']);
});

test('the operator writes batches and pools by patch only, so that it never overwrites what it has not read', () => {
  const groupRules = OPERATOR_ACCESS.served.filter(({ apiGroups }) => apiGroups.includes('sandbox.opensandbox.io'));
  const objects = groupRules.filter(({ resources }) => resources.every((resource) => !resource.endsWith('/finalizers')));
  expect([...new Set(objects.flatMap(({ verbs }) => verbs))].sort()).toEqual(['delete', 'get', 'list', 'patch', 'watch']);
});
