import { builtInKinds } from '../../../local/api/built-in-kinds';
import { Registry } from '../../../local/api/registry';
import { parseResourcePath } from '../../../local/api/request-path';

const registry = new Registry(builtInKinds());

test.each([
  ['/api/v1/pods', { plural: 'pods' }],
  ['/api/v1/namespaces/a/pods', { plural: 'pods', namespace: 'a' }],
  ['/api/v1/namespaces/a/pods/p', { plural: 'pods', namespace: 'a', name: 'p' }],
  ['/api/v1/namespaces/a/pods/p/log', { plural: 'pods', namespace: 'a', name: 'p', subresource: 'log' }],
  ['/apis/apps/v1/namespaces/a/deployments/d/scale', { plural: 'deployments', namespace: 'a', name: 'd', subresource: 'scale' }],
  ['/api/v1/namespaces', { plural: 'namespaces' }],
  ['/api/v1/namespaces/a', { plural: 'namespaces', name: 'a' }],
  ['/api/v1/namespaces/a/status', { plural: 'namespaces', name: 'a', subresource: 'status' }],
  ['/api/v1/nodes/n', { plural: 'nodes', name: 'n' }],
  ['/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aone', { plural: 'clusterroles', name: 'system:one' }],
])('%s', (path, { plural, ...where }) => {
  const { kind, ...found } = parseResourcePath(path, registry) ?? {};
  expect([kind?.plural, found]).toEqual([plural, where]);
});

test.each(['/api/v1', '/api/v1/namespaces/%E0%A4%A/pods', '/api/v2/pods', '/api/v1/pods/p', '/api/v1/namespaces/a/nodes', '/apis/apps/v1/things', '/metrics', '/api/v1/namespaces/a/pods/p/log/more'])('%s is nothing', (path) => {
  expect(parseResourcePath(path, registry)).toBeUndefined();
});
