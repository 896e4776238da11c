import type { ApiUnderTest } from '../../support/api-under-test';
import { configMaps, createConfigMap, type Stored } from './config-maps';
import { DEPLOYMENT } from './deployment';
import { JSON_PATCH, MERGE, STRATEGIC } from './media-types';

/** Tests of create, update and patch, of built-in kinds. */
export function describeWrites(api: ApiUnderTest): void {
  describe('create', () => {
    test('sets what the server owns, whatever the client says', async () => {
      const namespace = await api.newNamespace();
      const { body } = await api.request<Stored>('POST', configMaps(namespace), {
        metadata: { name: 'a', uid: 'mine', creationTimestamp: '2000-01-01T00:00:00Z', deletionTimestamp: '2000-01-01T00:00:00Z' },
      });
      expect(body.metadata).toMatchObject({ name: 'a', namespace, resourceVersion: expect.stringMatching(/^\d+$/), uid: expect.stringMatching(/^[0-9a-f-]{36}$/) });
      expect(body.metadata).not.toMatchObject({ creationTimestamp: '2000-01-01T00:00:00Z' });
      expect(body.metadata.deletionTimestamp).toBeUndefined();
    });

    test.each([
      ['/apis/apps/v1/namespaces/default/deployments', DEPLOYMENT, 1],
      ['/apis/batch/v1/namespaces/default/cronjobs', { spec: { schedule: '@hourly', jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'i' }] } } } } } }, 1],
      ['/apis/networking.k8s.io/v1/namespaces/default/networkpolicies', { spec: { podSelector: {} } }, 1],
      ['/apis/networking.k8s.io/v1/namespaces/default/ingresses', { spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } } }, 1],
      ['/apis/policy/v1/namespaces/default/poddisruptionbudgets', { spec: { maxUnavailable: 1 } }, 1],
      ['/apis/scheduling.k8s.io/v1/priorityclasses', { value: 1 }, 1],
      ['/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers', { spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' } } }, 7],
      ['/api/v1/namespaces', {}, 7],
      ['/api/v1/nodes', {}, 7],
      ['/api/v1/namespaces/default/configmaps', {}, 7],
      ['/api/v1/namespaces/default/limitranges', { spec: { limits: [] } }, 7],
      ['/api/v1/namespaces/default/persistentvolumeclaims', { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }, 7],
      ['/api/v1/namespaces/default/resourcequotas', { spec: {} }, 7],
      ['/api/v1/namespaces/default/services', { spec: { ports: [{ port: 80 }] } }, 7],
    ])('counts generations from 1, or keeps the one that it was given, as its kind does: %s', async (path, body, generation) => {
      expect(await api.request('POST', `${path}?dryRun=All`, { ...body, metadata: { name: 'a', generation: 7 } })).toMatchObject({ status: 201, body: { metadata: { generation } } });
    });

    test('takes a null label as an empty one', async () => {
      const namespace = await api.newNamespace();
      const { metadata } = await createConfigMap(api, namespace, 'a', { labels: { empty: null } });
      expect(metadata.labels).toEqual({ empty: '' });
    });

    test('makes a name of a generateName', async () => {
      const namespace = await api.newNamespace();
      const create = () => api.request<Stored>('POST', configMaps(namespace), { metadata: { generateName: 'gen-' } });
      const names = [await create(), await create()].map(({ body }) => body.metadata.name);
      expect(names).toEqual([expect.stringMatching(/^gen-[bcdfghjklmnpqrstvwxz2-9]{5}$/), expect.stringMatching(/^gen-/)]);
      expect(names[0]).not.toBe(names[1]);
    });

    test.each([
      ['a name that is taken', { metadata: { name: 'taken' } }, '', 409, 'AlreadyExists'],
      ['no name at all', {}, '', 422, 'Invalid'],
      ['a name that is no subdomain', { metadata: { name: 'A_b' } }, '', 422, 'Invalid'],
      ['a label value that is too long', { metadata: { name: 'x', labels: { a: 'b'.repeat(64) } } }, '', 422, 'Invalid'],
      ['a finalizer without a domain it could be told by', { metadata: { name: 'x', finalizers: ['a b'] } }, '', 422, 'Invalid'],
      ['a short finalizer that is not of Kubernetes', { metadata: { name: 'x', finalizers: ['short'] } }, '', 422, 'Invalid'],
      ['a resourceVersion', { metadata: { name: 'x', resourceVersion: '5' } }, '', 500, undefined],
      ['another namespace than the path', { metadata: { name: 'x', namespace: 'other' } }, '', 400, 'BadRequest'],
      ['another kind than the path', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }, '', 400, 'BadRequest'],
      ['an unknown dry run', { metadata: { name: 'x' } }, '?dryRun=Some', 422, 'Invalid'],
      ['annotations beyond 256 KiB', { metadata: { name: 'x', annotations: { a: 'b'.repeat(262_144) } } }, '', 422, 'Invalid'],
    ])('refuses %s', async (_, body, query, code, reason) => {
      const namespace = await api.newNamespace();
      await createConfigMap(api, namespace, 'taken');
      const answer = await api.request('POST', configMaps(namespace) + query, body);
      expect(answer).toMatchObject({ status: code, body: { kind: 'Status', status: 'Failure', ...(reason !== undefined && { reason }), code } });
    });

    test.each([
      ['CreateOptions', 'POST', '', 'dryRun=Some'],
      ['CreateOptions', 'POST', '', `fieldManager=${'x'.repeat(129)}`],
      ['UpdateOptions', 'PUT', '/a', 'fieldValidation=Perhaps'],
      ['PatchOptions', 'PATCH', '/a', 'dryRun=Some'],
    ])('names the options that are wrong: %s of %s', async (kind, method, name, query) => {
      const answer = await api.request(method, `${configMaps('default')}${name}?${query}`, { metadata: { name: 'a' } }, method === 'PATCH' ? MERGE : undefined);
      expect(answer).toMatchObject({ status: 422, body: { reason: 'Invalid', details: { group: 'meta.k8s.io', kind } } });
    });

    test('refuses a namespace that does not exist', async () => {
      const answer = await api.request('POST', configMaps('nowhere'), { metadata: { name: 'x' } });
      expect(answer).toMatchObject({ status: 404, body: { reason: 'NotFound', message: 'namespaces "nowhere" not found', details: { name: 'nowhere', kind: 'namespaces' } } });
    });

    test('stores nothing in a dry run', async () => {
      const namespace = await api.newNamespace();
      expect((await api.request('POST', `${configMaps(namespace)}?dryRun=All`, { metadata: { name: 'dry' } })).status).toBe(201);
      expect((await api.request('GET', `${configMaps(namespace)}/dry`)).status).toBe(404);
    });
  });

  describe('update', () => {
    test('takes the version that was read, and refuses an older one', async () => {
      const namespace = await api.newNamespace();
      const first = await createConfigMap(api, namespace, 'a');
      const path = `${configMaps(namespace)}/a`;
      expect(await api.request('PUT', path, { ...first, data: { a: '2' } })).toMatchObject({ status: 200, body: { data: { a: '2' } } });
      expect(await api.request('PUT', path, { ...first, data: { a: '3' } })).toMatchObject({
        status: 409,
        body: {
          reason: 'Conflict',
          message: 'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
          details: { name: 'a', kind: 'configmaps' },
        },
      });
    });

    test('keeps the version when nothing changes', async () => {
      const namespace = await api.newNamespace();
      const first = await createConfigMap(api, namespace, 'a');
      const path = `${configMaps(namespace)}/a`;
      const { body: put } = await api.request<Stored>('PUT', path, first);
      const { body: patched } = await api.request<Stored>('PATCH', path, { data: { a: '1' } }, MERGE);
      expect([put.metadata.resourceVersion, patched.metadata.resourceVersion]).toEqual([first.metadata.resourceVersion, first.metadata.resourceVersion]);
    });

    test.each([
      ['no name', { metadata: {} }, 400],
      ['another name', { metadata: { name: 'b' } }, 400],
      ['another uid', { metadata: { name: 'a', uid: '00000000-0000-0000-0000-000000000000' } }, 409],
    ])('refuses %s', async (_, body, code) => {
      const namespace = await api.newNamespace();
      await createConfigMap(api, namespace, 'a');
      expect((await api.request('PUT', `${configMaps(namespace)}/a`, body)).status).toBe(code);
    });

    test('keeps the plain texts of a Secret in base64, however they are written', async () => {
      const secrets = `/api/v1/namespaces/${await api.newNamespace()}/secrets`;
      const dataAfter = async (method: string, path: string, body: object) => (await api.request<Stored>(method, secrets + path, body, method === 'PATCH' ? MERGE : undefined)).body;
      const created = await dataAfter('POST', '', { metadata: { name: 's' }, stringData: { a: 'one' } });
      const replaced = await dataAfter('PUT', '/s', { metadata: { name: 's' }, data: { a: 'b25l' }, stringData: { b: 'two' } });
      const patched = await dataAfter('PATCH', '/s', { stringData: { a: 'three' } });
      expect([created.data, replaced.data, patched.data]).toEqual([{ a: 'b25l' }, { a: 'b25l', b: 'dHdv' }, { a: 'dGhyZWU=', b: 'dHdv' }]);
      expect([created, replaced, patched].map((secret) => 'stringData' in secret)).toEqual([false, false, false]);
    });

    test('refuses to change what a pod can not change', async () => {
      const namespace = await api.newNamespace();
      const pods = `/api/v1/namespaces/${namespace}/pods`;
      await api.request('POST', pods, { metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'i' }] } });
      expect((await api.request('PATCH', `${pods}/p`, { spec: { containers: [{ name: 'a', image: 'j' }] } }, STRATEGIC)).status).toBe(200);
      expect(await api.request('PATCH', `${pods}/p`, { spec: { hostname: 'h' } }, MERGE)).toMatchObject({ status: 422, body: { details: { causes: [{ field: 'spec', reason: 'FieldValueForbidden' }] } } });
    });
  });

  describe('patch', () => {
    test.each([
      ['merge sets and removes', MERGE, { data: { a: null, b: '2' } }, { b: '2' }],
      ['JSON adds, copies and removes', JSON_PATCH, [{ op: 'add', path: '/data/b', value: '2' }, { op: 'copy', from: '/data/b', path: '/data/c' }, { op: 'remove', path: '/data/a' }], { b: '2', c: '2' }],
      ['JSON replaces what is not there', JSON_PATCH, [{ op: 'replace', path: '/data/b', value: '2' }], { a: '1', b: '2' }],
      ['JSON tests for null what is not there', JSON_PATCH, [{ op: 'test', path: '/data/b', value: null }], { a: '1' }],
      ['JSON tests before it replaces', JSON_PATCH, [{ op: 'test', path: '/data/a', value: '1' }, { op: 'replace', path: '/data/a', value: '9' }], { a: '9' }],
      ['strategic merge merges maps', STRATEGIC, { data: { b: '2' } }, { a: '1', b: '2' }],
    ])('%s', async (_, type, patch, data) => {
      const namespace = await api.newNamespace();
      await createConfigMap(api, namespace, 'a');
      expect(await api.request('PATCH', `${configMaps(namespace)}/a`, patch, type)).toMatchObject({ status: 200, body: { data } });
      expect((await api.request<Stored>('GET', `${configMaps(namespace)}/a`)).body.data).toEqual(data);
    });

    test('replaces the pull secrets of a service account as a whole, and merges its other secrets', async () => {
      const accounts = `/api/v1/namespaces/${await api.newNamespace()}/serviceaccounts`;
      const secrets = (...names: string[]) => ({ imagePullSecrets: names.map((name) => ({ name })), secrets: names.map((name) => ({ name })) });
      expect((await api.request('POST', accounts, { metadata: { name: 'a' }, ...secrets('x') })).status).toBe(201);
      const { body } = await api.request<ReturnType<typeof secrets>>('PATCH', `${accounts}/a`, secrets('y'), STRATEGIC);
      expect([body.imagePullSecrets, body.secrets]).toEqual([[{ name: 'y' }], expect.arrayContaining([{ name: 'x' }, { name: 'y' }])]);
    });

    test.each([
      ['an object that is not there', MERGE, {}, 'missing', 404],
      ['a JSON test that fails', JSON_PATCH, [{ op: 'test', path: '/data/a', value: '2' }], 'a', 422],
      ['a JSON patch that does not fit', JSON_PATCH, [{ op: 'remove', path: '/data/nothing' }], 'a', 422],
      ['a JSON patch with an unknown operation', JSON_PATCH, [{ op: 'swap', path: '/data/a' }], 'a', 422],
      ['a JSON patch that is an object', JSON_PATCH, { data: {} }, 'a', 400],
      ['a resourceVersion that is old', MERGE, { metadata: { resourceVersion: '1' } }, 'a', 409],
      ['a resourceVersion that is old in a JSON patch', JSON_PATCH, [{ op: 'add', path: '/data/b', value: '2' }, { op: 'add', path: '/metadata/resourceVersion', value: '1' }], 'a', 409],
      ['a uid of another object', MERGE, { metadata: { uid: 'other' } }, 'a', 422],
      ['a value of a wrong type', MERGE, { data: { a: 5 } }, 'a', 422],
      ['labels that are none', MERGE, { metadata: { labels: 'x' } }, 'a', 422],
      ['another kind', MERGE, { kind: 'Secret' }, 'a', 422],
      ['a time of deletion', MERGE, { metadata: { deletionTimestamp: '2020-01-01T00:00:00Z' } }, 'a', 422],
      ['a type that nobody knows', 'application/x-patch', {}, 'a', 415],
    ])('refuses %s', async (_, type, patch, name, code) => {
      const namespace = await api.newNamespace();
      await createConfigMap(api, namespace, 'a');
      expect(await api.request('PATCH', `${configMaps(namespace)}/${name}`, patch, type)).toMatchObject({ status: code, body: { kind: 'Status', code } });
    });

    test('names the kind of an object that would be wrong, and none when a JSON patch does not fit', async () => {
      const namespace = await api.newNamespace();
      await createConfigMap(api, namespace, 'a');
      const kindOf = async (patch: unknown, type: string) => {
        const { status, body } = await api.request<{ readonly details?: { readonly kind?: string } }>('PATCH', `${configMaps(namespace)}/a`, patch, type);
        return [status, body.details?.kind];
      };
      expect(await kindOf({ metadata: { uid: 'other' } }, MERGE)).toEqual([422, expect.any(String)]);
      expect(await kindOf([{ op: 'add', path: '/metadata/uid', value: 'other' }], JSON_PATCH)).toEqual([422, expect.any(String)]);
      expect(await kindOf([{ op: 'add', path: '/spec/x', value: '1' }], JSON_PATCH)).toEqual([422, undefined]);
      expect(await kindOf([{ op: 'remove', path: '/data/nothing' }], JSON_PATCH)).toEqual([422, undefined]);
    });

    test('lets exactly one of many writers with the same version win', async () => {
      const namespace = await api.newNamespace();
      const { metadata: { resourceVersion } } = await createConfigMap(api, namespace, 'a');
      const write = (i: number) => api.request('PATCH', `${configMaps(namespace)}/a`, { metadata: { resourceVersion }, data: { winner: String(i) } }, MERGE);
      const codes = (await Promise.all(Array.from({ length: 10 }, (_, i) => write(i)))).map(({ status }) => status);
      expect(codes.sort()).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
    });
  });
}
