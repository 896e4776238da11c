import type { ApiUnderTest } from '../../support/api-under-test';
import { until } from '../../support/waiting';
import { configMaps, createConfigMap, type Stored } from './config-maps';
import { MERGE } from './media-types';

/** Tests of deletion: finalizers, graces, and what goes with an object. */
export function describeDeletion(api: ApiUnderTest): void {
  test('answers with the UID of what is gone', async () => {
    const namespace = await api.newNamespace();
    const { metadata: { uid } } = await createConfigMap(api, namespace, 'a');
    expect(await api.request('DELETE', `${configMaps(namespace)}/a`)).toMatchObject({ status: 200, body: { kind: 'Status', status: 'Success', details: { name: 'a', kind: 'configmaps', uid } } });
    expect(await api.request('GET', `${configMaps(namespace)}/a`)).toMatchObject({ status: 404, body: { reason: 'NotFound', message: 'configmaps "a" not found' } });
  });

  test.each([
    ['another UID', { uid: '00000000-0000-0000-0000-000000000000' }],
    ['another version', { resourceVersion: '1' }],
  ])('refuses %s than the object has', async (_, preconditions) => {
    const namespace = await api.newNamespace();
    await createConfigMap(api, namespace, 'a');
    expect(await api.request('DELETE', `${configMaps(namespace)}/a`, { preconditions })).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
  });

  test.each([
    ['propagation', { propagationPolicy: 'Sideways' }],
    ['dry run', { dryRun: ['Some'] }],
  ])('refuses an unknown %s', async (_, options) => {
    const namespace = await api.newNamespace();
    await createConfigMap(api, namespace, 'a');
    expect(await api.request('DELETE', `${configMaps(namespace)}/a`, options)).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
  });

  test('waits for finalizers, which can only go from then on', async () => {
    const namespace = await api.newNamespace();
    const path = `${configMaps(namespace)}/a`;
    await createConfigMap(api, namespace, 'a', { finalizers: ['test.example.com/one', 'test.example.com/two'] });
    expect(await api.request('DELETE', path)).toMatchObject({ status: 200, body: { kind: 'ConfigMap', metadata: { deletionTimestamp: expect.any(String), finalizers: { length: 2 } } } });
    expect((await api.request('DELETE', path)).status).toBe(200);
    const add = { metadata: { finalizers: ['test.example.com/one', 'test.example.com/three'] } };
    expect(await api.request('PATCH', path, add, MERGE)).toMatchObject({ status: 422, body: { details: { causes: expect.arrayContaining([expect.objectContaining({ field: 'metadata.finalizers', reason: 'FieldValueForbidden' })]) } } });
    expect((await api.request('PATCH', path, { metadata: { finalizers: ['test.example.com/two'] } }, MERGE)).status).toBe(200);
    expect((await api.request('GET', path)).status).toBe(200);
    expect((await api.request('PATCH', path, { metadata: { finalizers: null } }, MERGE)).status).toBe(200);
    expect((await api.request('GET', path)).status).toBe(404);
  });

  test('deletes a selected part of a collection', async () => {
    const namespace = await api.newNamespace();
    await createConfigMap(api, namespace, 'a', { labels: { go: 'yes' } });
    await createConfigMap(api, namespace, 'b', { labels: { go: 'no' } });
    expect((await api.request('DELETE', `${configMaps(namespace)}?labelSelector=go%3Dyes`)).status).toBe(200);
    const { body } = await api.request<{ items: Stored[] }>('GET', `${configMaps(namespace)}?labelSelector=go`);
    expect(body.items.map(({ metadata }) => metadata.name)).toEqual(['b']);
  });

  test('ends what an object owns after it, and lets go what is orphaned', async () => {
    const namespace = await api.newNamespace();
    const own = async (owner: string) => {
      const { metadata: { name, uid } } = await createConfigMap(api, namespace, owner);
      await createConfigMap(api, namespace, `${owner}-child`, { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid }] });
    };
    await own('ended');
    await own('orphaned');
    await api.request('DELETE', `${configMaps(namespace)}/ended`, { propagationPolicy: 'Background' });
    await api.request('DELETE', `${configMaps(namespace)}/orphaned`, { propagationPolicy: 'Orphan' });
    await until(async () => expect((await api.request('GET', `${configMaps(namespace)}/ended-child`)).status).toBe(404));
    await until(async () => expect((await api.request('GET', `${configMaps(namespace)}/orphaned`)).status).toBe(404));
    const { body } = await api.request<Stored>('GET', `${configMaps(namespace)}/orphaned-child`);
    expect(body.metadata.ownerReferences).toBeUndefined();
  });

  test('in the foreground holds the owner until what blocks it is gone', async () => {
    const namespace = await api.newNamespace();
    const { metadata: { name, uid } } = await createConfigMap(api, namespace, 'owner');
    const child = `${configMaps(namespace)}/child`;
    await createConfigMap(api, namespace, 'child', { finalizers: ['test.example.com/hold'], ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid, blockOwnerDeletion: true }] });
    await api.request('DELETE', `${configMaps(namespace)}/owner`, { propagationPolicy: 'Foreground' });
    await until(async () => expect((await api.request<Stored>('GET', child)).body.metadata.deletionTimestamp).toBeDefined());
    expect((await api.request<Stored>('GET', `${configMaps(namespace)}/owner`)).body.metadata.finalizers).toEqual(['foregroundDeletion']);
    await api.request('PATCH', child, { metadata: { finalizers: null } }, MERGE);
    await until(async () => expect((await api.request('GET', `${configMaps(namespace)}/owner`)).status).toBe(404));
  });

  test('of a namespace empties it, and refuses new content', async () => {
    const namespace = await api.newNamespace();
    const held = `${configMaps(namespace)}/held`;
    await createConfigMap(api, namespace, 'held', { finalizers: ['test.example.com/hold'] });
    await createConfigMap(api, namespace, 'free');
    expect(await api.request('DELETE', `/api/v1/namespaces/${namespace}`)).toMatchObject({ status: 200, body: { status: { phase: 'Terminating' } } });
    await until(async () => expect((await api.request('GET', `${configMaps(namespace)}/free`)).status).toBe(404));
    const tryCreate = () => api.request('POST', configMaps(namespace), { metadata: { name: 'new' } });
    const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' };
    expect(await tryCreate()).toMatchObject({ status: 403, body: { reason: 'Forbidden', details: { name: 'new', kind: 'configmaps', causes: [cause] } } });
    await until(async () => expect((await api.request<Stored>('GET', held)).body.metadata.deletionTimestamp).toBeDefined());
    await api.request('PATCH', held, { metadata: { finalizers: null } }, MERGE);
    await until(async () => expect((await api.request('GET', `/api/v1/namespaces/${namespace}`)).status).toBe(404));
    expect(await tryCreate()).toMatchObject({ status: 404, body: { reason: 'NotFound', details: { name: namespace, kind: 'namespaces' } } });
  });

  test('of a bound pod leaves it to its node; an unbound one goes at once', async () => {
    const namespace = await api.newNamespace();
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const create = (name: string) => api.request('POST', pods, { metadata: { name }, spec: { schedulerName: 'nobody', containers: [{ name: 'a', image: 'i' }] } });
    await create('unbound');
    await create('bound');
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'bound' }, target: { apiVersion: 'v1', kind: 'Node', name: 'node-of-nobody' } };
    expect((await api.request('POST', `${pods}/bound/binding`, binding)).status).toBe(201);
    expect(await api.request('POST', `${pods}/bound/binding`, binding)).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
    expect((await api.request('DELETE', `${pods}/unbound`)).status).toBe(200);
    expect((await api.request('GET', `${pods}/unbound`)).status).toBe(404);
    await api.request('DELETE', `${pods}/bound`, { gracePeriodSeconds: 7 });
    expect((await api.request('GET', `${pods}/bound`)).body).toMatchObject({ spec: { nodeName: 'node-of-nobody' }, metadata: { deletionGracePeriodSeconds: 7, deletionTimestamp: expect.any(String) } });
    await api.request('DELETE', `${pods}/bound`, { gracePeriodSeconds: 0 });
    expect((await api.request('GET', `${pods}/bound`)).status).toBe(404);
  });
}
