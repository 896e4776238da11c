import { type DeleteOptions, KubeApi, type PatchType } from '../../../operator/kube/api';
import { fixedConnection } from '../../../operator/kube/connection';
import { BATCHES, PODS } from '../../../operator/kube/resource-types';
import { Transport } from '../../../operator/kube/transport';
import { systemClock } from '../../../src/program/clock';
import { FakeApi, json, list } from '../../support/fake-api';

const ref = { namespace: 'ns', name: 'a' };
const answer = { metadata: { ...ref, resourceVersion: '1' } };

describe('KubeApi', () => {
  let fake: FakeApi;
  let transport: Transport;
  let api: KubeApi;

  beforeEach(async () => {
    fake = await FakeApi.start();
    fake.always(json(answer));
    transport = new Transport({ connection: fixedConnection(fake.url, 'secret'), clock: systemClock });
    api = new KubeApi({ transport });
  });
  afterEach(async () => {
    await transport.destroy();
    await fake.stop();
  });
  const sent = () => {
    const request = fake.requests.at(-1);
    return { call: `${request?.method} ${request?.path}`, query: request?.query.toString(), body: request?.body };
  };

  test('presents its token', async () => {
    await api.get(PODS, ref);
    expect(fake.requests[0]?.authorization).toBe('Bearer secret');
  });

  test('lists a page', async () => {
    fake.always(list([answer], '7', 'token&1'));
    const page = await api.list(BATCHES, { namespace: 'ns', labelSelector: 'a=b', limit: 2, resourceVersion: '0' });
    expect(sent()).toMatchObject({
      call: 'GET /apis/sandbox.opensandbox.io/v1alpha1/namespaces/ns/batchsandboxes',
      query: 'labelSelector=a%3Db&limit=2&resourceVersion=0',
    });
    expect(page).toMatchObject({ metadata: { resourceVersion: '7', continue: 'token&1' }, items: [answer] });
    await api.list(PODS, { continue: 'token&1' });
    expect(sent()).toMatchObject({ call: 'GET /api/v1/pods', query: 'continue=token%261' });
  });

  test('creates with apiVersion and kind of the type', async () => {
    expect(await api.create(PODS, { metadata: ref }, { fieldManager: 'me', dryRun: true })).toEqual(answer);
    expect(sent()).toEqual({
      call: 'POST /api/v1/namespaces/ns/pods',
      query: 'dryRun=All&fieldManager=me&fieldValidation=Ignore',
      body: { apiVersion: 'v1', kind: 'Pod', metadata: ref },
    });
  });

  test.each<[PatchType, string]>([
    ['merge', 'application/merge-patch+json'],
    ['json', 'application/json-patch+json'],
    ['strategic', 'application/strategic-merge-patch+json'],
    ['apply', 'application/apply-patch+yaml'],
  ])('sends a patch of type %s as %s', async (type, contentType) => {
    await api.patch(BATCHES, ref, type, { status: { x: null } }, { subresource: 'status', force: type === 'apply' || undefined });
    expect(fake.requests[0]?.contentType).toBe(contentType);
    expect(sent()).toMatchObject({ call: expect.stringMatching(/^PATCH .*\/a\/status$/), body: { status: { x: null } } });
  });

  test.each<[string, DeleteOptions, object]>([
    ['plainly', {}, {}],
    ['with preconditions', { uid: 'u', resourceVersion: '1' }, { preconditions: { uid: 'u', resourceVersion: '1' } }],
    ['with grace and policy', { gracePeriodSeconds: 0, propagationPolicy: 'Background' }, { gracePeriodSeconds: 0, propagationPolicy: 'Background' }],
    ['for show', { dryRun: true }, { dryRun: ['All'] }],
  ])('deletes %s', async (_title, options, want) => {
    await api.delete(PODS, ref, options);
    expect(sent()).toMatchObject({ call: 'DELETE /api/v1/namespaces/ns/pods/a', body: { apiVersion: 'v1', kind: 'DeleteOptions', ...want } });
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a create', () => api.create(PODS, { metadata: ref }, { answer: 'metadata' })],
    ['a patch', () => api.patch(PODS, ref, 'merge', {}, { answer: 'metadata' })],
    ['a delete', () => api.delete(PODS, ref, { answer: 'metadata' })],
  ])('%s may ask for the metadata alone', async (_title, write) => {
    expect(await write()).toEqual(answer);
    expect(fake.requests[0]?.accept).toBe('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json');
    await api.get(PODS, ref);
    expect(fake.requests[1]?.accept).toBe('application/json');
  });

  test('tells a deleted object that stays from one that is gone', async () => {
    expect(await api.delete(PODS, ref)).toEqual(answer);
    fake.always(json({ kind: 'Status', status: 'Success' }));
    expect(await api.delete(PODS, ref)).toBeUndefined();
  });

  test('reads the end of a log, of which the server sends no more than it is asked for', async () => {
    fake.always((_request, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end(`${'a'.repeat(2_000_000)}b`));
    const { signal } = new AbortController();
    const read = await api.podLog(ref, { container: 'main', tailLines: 5 }, signal);
    expect([read.length, read.endsWith('ab')]).toEqual([1_048_576, true]);
    expect(sent()).toMatchObject({ call: 'GET /api/v1/namespaces/ns/pods/a/log', query: 'container=main&tailLines=5&limitBytes=16777216' });
    expect(await api.podLog(ref, { lastBytes: 2, limitBytes: 7 }, signal)).toBe('ab');
    expect(sent()).toMatchObject({ query: 'limitBytes=7' });
  });

  test('deletes many by selector', async () => {
    await api.deleteCollection(PODS, { namespace: 'ns', labelSelector: 'x' }, { gracePeriodSeconds: 0 });
    expect(sent()).toMatchObject({ call: 'DELETE /api/v1/namespaces/ns/pods', query: 'labelSelector=x', body: { gracePeriodSeconds: 0 } });
  });
});
