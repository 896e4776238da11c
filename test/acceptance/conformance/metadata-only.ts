import { type ApiUnderTest, take } from '../../support/api-under-test';
import { widget, widgetsIn } from '../../support/widget-crd';
import { configMaps, createConfigMap, type Stored } from './config-maps';
import { APPLY, JSON_PATCH, MERGE } from './media-types';

/** What the operator accepts as an answer to its writes, and the same of a list. */
const ONE = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
const LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

/** An object by its metadata alone. */
const partial = (metadata: unknown) => ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata });

/** Tests of answers that have the metadata alone; needs the widgets to be defined. */
export function describeMetadataOnly(api: ApiUnderTest): void {
  const metadataOf = async (path: string) => (await api.request<Stored>('GET', path)).body.metadata;

  test('every write is answered so to those who ask for it: by what is stored of the metadata, and nothing else', async () => {
    const widgets = widgetsIn(await api.newNamespace());
    const path = `${widgets}/a`;
    const made = widget('a', {}, { labels: { a: 'b' }, annotations: { c: 'd' }, finalizers: ['test.example.com/hold'] });
    expect(await api.request('POST', widgets, made, undefined, ONE)).toEqual({ status: 201, body: partial(await metadataOf(path)) });
    const { body: whole } = await api.request<object>('GET', path);
    const writes: [what: string, method: string, subresource: string, body: unknown, type?: string][] = [
      ['an update', 'PUT', '', { ...whole, spec: { size: 'large' } }],
      ['a merge patch', 'PATCH', '', { spec: { replicas: 2 } }, MERGE],
      ['a patch that changes nothing', 'PATCH', '', { spec: { replicas: 2 } }, MERGE],
      ['a JSON patch', 'PATCH', '', [{ op: 'add', path: '/spec/note', value: 'n' }], JSON_PATCH],
      ['an apply', 'PATCH', '?fieldManager=m&force=true', widget('a', { min: 1 }), APPLY],
      ['a patch of the status', 'PATCH', '/status', { status: { replicas: 2 } }, MERGE],
      ['a deletion that has to wait', 'DELETE', '', undefined],
    ];
    for (const [what, method, rest, body, type] of writes) {
      const { status, body: answer } = await api.request(method, path + rest, body, type, ONE);
      expect({ what, status, answer }).toEqual({ what, status: 200, answer: partial(await metadataOf(path)) });
    }
    expect(await metadataOf(path)).toHaveProperty('deletionTimestamp');
    // What is left then is told as it was when nothing held it any more.
    const last = await api.request<{ metadata: object }>('PATCH', path, { metadata: { finalizers: null } }, MERGE, ONE);
    expect(last).toMatchObject({ status: 200, body: partial({ name: 'a', deletionTimestamp: expect.any(String) as string }) });
    expect(last.body).not.toHaveProperty('spec');
  });

  test('the scale of an object has metadata too', async () => {
    const widgets = widgetsIn(await api.newNamespace());
    await api.request('POST', widgets, widget('a'));
    const { body } = await api.request('PATCH', `${widgets}/a/scale`, { spec: { replicas: 3 } }, MERGE, ONE);
    expect(body).toEqual(partial(await metadataOf(`${widgets}/a/scale`)));
  });

  test('a dry run tells what it would have made', async () => {
    const path = configMaps(await api.newNamespace());
    const { status, body } = await api.request<Stored>('POST', `${path}?dryRun=All`, { metadata: { name: 'a' }, data: { a: '1' } }, undefined, ONE);
    expect([status, Object.keys(body).sort(), body.metadata.name]).toEqual([201, ['apiVersion', 'kind', 'metadata'], 'a']);
    expect((await api.request('GET', `${path}/a`)).status).toBe(404);
  });

  test('what is no object is told as ever: a refusal, and a deletion that is done', async () => {
    const path = configMaps(await api.newNamespace());
    expect(await api.request('PATCH', `${path}/a`, {}, MERGE, ONE)).toMatchObject({ status: 404, body: { kind: 'Status', reason: 'NotFound' } });
    expect(await api.request('POST', path, { metadata: { name: 'A_b' } }, undefined, ONE)).toMatchObject({ status: 422, body: { kind: 'Status', reason: 'Invalid' } });
    await api.request('POST', path, { metadata: { name: 'a' } });
    expect(await api.request('DELETE', `${path}/a`, undefined, undefined, ONE)).toMatchObject({ status: 200, body: { kind: 'Status', status: 'Success' } });
  });

  test('so are objects, lists and watches read', async () => {
    const namespace = await api.newNamespace();
    const path = configMaps(namespace);
    await createConfigMap(api, namespace, 'a');
    const metadata = await metadataOf(`${path}/a`);
    const selected = `${path}?fieldSelector=metadata.name%3Da`;
    expect(await api.request('GET', `${path}/a`, undefined, undefined, ONE)).toEqual({ status: 200, body: partial(metadata) });
    const { body: list } = await api.request<{ metadata: object }>('GET', selected);
    expect(await api.request('GET', selected, undefined, undefined, LIST)).toEqual({
      status: 200,
      body: { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: { ...list.metadata, resourceVersion: expect.any(String) as string }, items: [partial(metadata)] },
    });
    expect(await api.request('GET', `${path}?fieldSelector=metadata.name%3Dnone`, undefined, undefined, LIST)).toMatchObject({ status: 200, body: { kind: 'PartialObjectMetadataList', items: null } });
    const events = await api.watch(`${selected}&watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`, ONE);
    expect(await take(events, 2)).toEqual([
      { type: 'ADDED', object: partial(metadata) },
      { type: 'BOOKMARK', object: partial(expect.objectContaining({ annotations: { 'k8s.io/initial-events-end': 'true' } })) },
    ]);
    const { body: labelled } = await api.request('PATCH', `${path}/a`, { metadata: { labels: { b: 'c' } } }, MERGE, ONE);
    await api.request('DELETE', `${path}/a`);
    expect(await take(events, 2)).toEqual([
      { type: 'MODIFIED', object: labelled },
      { type: 'DELETED', object: partial(expect.objectContaining({ name: 'a', labels: { b: 'c' } })) },
    ]);
    await events.return();
  });

  test('one object is no list, and a list is not one object', async () => {
    const namespace = await api.newNamespace();
    const path = configMaps(namespace);
    await createConfigMap(api, namespace, 'a');
    expect(await api.request('GET', path, undefined, undefined, ONE)).toMatchObject({ status: 406, body: { kind: 'Status', reason: 'NotAcceptable' } });
    expect(await api.request('GET', `${path}/a`, undefined, undefined, LIST)).toMatchObject({ status: 406, body: { kind: 'Status', reason: 'NotAcceptable' } });
  });

  test.each([
    ['a form that nobody knows', 'application/json;as=Summary;g=meta.k8s.io;v=v1,application/json'],
    ['a version that nobody knows', 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v9,application/json'],
    ['a group that nobody knows', 'application/json;as=PartialObjectMetadata;g=example.com;v=v1,application/json'],
  ])('%s is passed over for the next one that is named', async (_title, accept) => {
    const namespace = await api.newNamespace();
    await createConfigMap(api, namespace, 'a');
    expect((await api.request('GET', `${configMaps(namespace)}/a`, undefined, undefined, accept)).body).toMatchObject({ data: { a: '1' } });
  });
}
