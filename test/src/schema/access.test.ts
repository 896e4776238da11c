import { EDITOR_ACCESS, OPERATOR_ACCESS, VIEWER_ACCESS } from '../../../src/schema/access';

const { served, own, signing } = OPERATOR_ACCESS;

test('nobody may read or write Secrets, but the operator the one of its signing key; nothing is granted by wildcard (R135)', () => {
  const rules = [...served, ...own, ...EDITOR_ACCESS, ...VIEWER_ACCESS];
  const words = [...rules, ...signing].flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
  expect(rules.flatMap(({ resources }) => resources)).not.toContain('secrets');
  expect(signing).toEqual([{ apiGroups: [''], resources: ['secrets'], resourceNames: ['opensandbox-executor-signing-key'], verbs: ['get', 'patch'] }]);
  expect(words.filter((word) => word.includes('*'))).toEqual([]);
});

test('viewers change nothing', () => {
  expect([...new Set(VIEWER_ACCESS.flatMap(({ verbs }) => verbs))].sort()).toEqual(['get', 'list', 'watch']);
});

test('the operator writes batches and pools by patch only, so that it never overwrites what it has not read', () => {
  const groupRules = OPERATOR_ACCESS.served.filter(({ apiGroups }) => apiGroups.includes('sandbox.opensandbox.io'));
  const objects = groupRules.filter(({ resources }) => resources.every((resource) => !resource.endsWith('/finalizers')));
  expect([...new Set(objects.flatMap(({ verbs }) => verbs))].sort()).toEqual(['delete', 'get', 'list', 'patch', 'watch']);
});
