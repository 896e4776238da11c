import { BATCHES, collectionPath, LEASES, objectPath, PODS, POOLS } from '../../../operator/kube/resource-types';
import { BATCH_SANDBOX, POOL } from '../../../src/schema/crds';
import { API_VERSION } from '../../../src/schema/names';

describe('resource types', () => {
  test('agree with the CRDs', () => {
    expect([BATCHES, POOLS]).toEqual(
      [BATCH_SANDBOX, POOL].map(({ kind, plural }) => ({ apiVersion: API_VERSION, kind, plural, namespaced: true })),
    );
  });

  test('make paths of core and other groups, with and without namespace', () => {
    expect(collectionPath(PODS)).toBe('/api/v1/pods');
    expect(collectionPath(LEASES, 'ns')).toBe('/apis/coordination.k8s.io/v1/namespaces/ns/leases');
    expect(objectPath(PODS, { namespace: 'ns', name: 'a' }, 'status')).toBe('/api/v1/namespaces/ns/pods/a/status');
  });

  test('let no name leave its place in a path', () => {
    expect(objectPath(PODS, { namespace: 'ns', name: '../../x?y' })).toBe('/api/v1/namespaces/ns/pods/..%2F..%2Fx%3Fy');
  });
});
