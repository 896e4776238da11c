import type { ApiUnderTest } from '../../support/api-under-test';
import { widget } from '../../support/widget-crd';
import { configMap, inNamespace, LEAF, type Owned, ownersOf } from './owned';

/** Tests of who owns which field after writes that apply nothing; needs the widgets to be defined. */
export function describeFieldOwners(api: ApiUnderTest): void {
  test('own what they change, each manager by itself', async () => {
    const { create, merge } = await inNamespace(api);
    await create('one', configMap({ x: '1' }, { labels: { l: '1' }, finalizers: ['test.example.com/a'] }));
    const { body } = await merge('two', { data: { x: '2', y: '3' }, metadata: { labels: { m: '2' }, finalizers: null } });
    expect(ownersOf(body)).toEqual({
      'one Update': { 'f:data': LEAF, 'f:metadata': { 'f:labels': { '.': LEAF, 'f:l': LEAF } } },
      'two Update': { 'f:data': { 'f:x': LEAF, 'f:y': LEAF }, 'f:metadata': { 'f:labels': { 'f:m': LEAF } } },
    });
  });

  test('give up what they remove, also for others', async () => {
    const { create, merge } = await inNamespace(api);
    await create('one', configMap({ x: '1', y: '2' }));
    const { body } = await merge('two', { data: { x: null } });
    expect(ownersOf(body)).toEqual({ 'one Update': { 'f:data': { '.': LEAF, 'f:y': LEAF } } });
  });

  test('of a custom object own the defaults too', async () => {
    const { createWidget } = await inNamespace(api);
    const { body } = await createWidget('one', widget('a', { nested: {}, free: { deep: { deeper: 1 } } }));
    const spec = { '.': LEAF, 'f:size': LEAF, 'f:colour': LEAF, 'f:replicas': LEAF, 'f:nested': { '.': LEAF, 'f:level': LEAF }, 'f:free': { '.': LEAF, 'f:deep': { '.': LEAF, 'f:deeper': LEAF } } };
    expect(ownersOf(body)).toEqual({ 'one Update': { 'f:spec': spec } });
  });

  test('own by subresource: status and scale are apart', async () => {
    const { createWidget, mergeWidget, readWidget } = await inNamespace(api);
    await createWidget('one', { ...widget('a'), status: { replicas: 1 } });
    await mergeWidget('one', { status: { replicas: 2 } }, '/status');
    await mergeWidget('one', { spec: { replicas: 3 } }, '/scale');
    expect(ownersOf(await readWidget())).toEqual({
      'one Update': { 'f:spec': { '.': LEAF, 'f:size': LEAF, 'f:colour': LEAF } },
      'one Update status': { 'f:status': { '.': LEAF, 'f:replicas': LEAF } },
      'one Update scale': { 'f:spec': { 'f:replicas': LEAF } },
    });
  });

  test('are told by the name of the client when they have no other', async () => {
    const namespace = await api.newNamespace();
    const made = await api.kubectl(['create', '--raw', `/api/v1/namespaces/${namespace}/configmaps`, '-f', '-'], JSON.stringify(configMap({ x: '1' })));
    expect(ownersOf(JSON.parse(made.stdout) as Owned)).toEqual({ 'kubectl Update': { 'f:data': { '.': LEAF, 'f:x': LEAF } } });
  });

  test.each([
    ['an empty list', []],
    ['a list of one empty entry', [{}]],
  ])('may forget all owners by %s; the next apply finds one for all', async (_, managedFields) => {
    const { create, merge, apply } = await inNamespace(api);
    await create('one', configMap({ x: '1' }));
    expect((await merge('two', { metadata: { managedFields } })).body.metadata.managedFields).toBeUndefined();
    expect((await merge('two', { data: { y: '2' } })).body.metadata.managedFields).toBeUndefined();
    const { body } = await apply('three', configMap({ z: '3' }));
    expect(ownersOf(body)).toEqual({ 'three Apply': { 'f:data': { 'f:z': LEAF } }, 'before-first-apply Update': { 'f:data': { '.': LEAF, 'f:x': LEAF, 'f:y': LEAF } } });
  });

  test('may set owners, and change none by null or by what can not be read', async () => {
    const { create, merge } = await inNamespace(api);
    await create('one', configMap({ x: '1' }));
    const entry = { manager: 'set', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { 'f:x': {} } } };
    expect((await merge('two', { metadata: { managedFields: [entry] } })).body.metadata.managedFields).toEqual([entry]);
    expect((await merge('two', { metadata: { managedFields: null } })).body.metadata.managedFields).toEqual([entry]);
    expect((await merge('two', { metadata: { managedFields: [{ ...entry, operation: 'Eat' }] } })).body.metadata.managedFields).toEqual([entry]);
  });
}
