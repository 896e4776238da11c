import type { ApiUnderTest } from '../../support/api-under-test';
import { widget } from '../../support/widget-crd';
import { DEPLOYMENT, deploymentsIn } from './deployment';
import { APPLY } from './media-types';
import { configMap, inNamespace, LEAF, type Owned, ownersOf, partOfWidget } from './owned';

/** Tests of server-side apply; needs the widgets to be defined. */
export function describeServerSideApply(api: ApiUnderTest): void {
  describe('apply', () => {
    test('creates an object and owns what it says, without the defaults', async () => {
      const { applyWidget } = await inNamespace(api);
      const { status, body } = await applyWidget('one', widget('a', { tags: ['x'], free: { deep: { deeper: 1 }, list: [1], none: {} } }));
      expect([status, body.spec]).toEqual([201, { size: 'small', colour: 'red', replicas: 1, tags: ['x'], free: { deep: { deeper: 1 }, list: [1], none: {} } }]);
      const free = { 'f:deep': { '.': LEAF, 'f:deeper': LEAF }, 'f:list': LEAF, 'f:none': LEAF };
      expect(ownersOf(body)).toEqual({ 'one Apply': { 'f:spec': { 'f:size': LEAF, 'f:tags': { 'v:"x"': LEAF }, 'f:free': free } } });
      expect(body.metadata.managedFields).toEqual([{ manager: 'one', operation: 'Apply', apiVersion: 'test.example.com/v1', time: expect.stringMatching(/^[-\d]+T[:\d]+Z$/), fieldsType: 'FieldsV1', fieldsV1: expect.anything() }]);
    });

    test('changes what it says, and removes what it says no more', async () => {
      const { apply } = await inNamespace(api);
      await apply('one', configMap({ x: '1', y: '2' }, { labels: { a: 'b' }, annotations: { c: 'd' } }));
      const { status, body } = await apply('one', configMap({ x: '3' }, { annotations: { c: 'd' } }));
      expect([status, body.data, body.metadata.labels, body.metadata.annotations]).toEqual([200, { x: '3' }, undefined, { c: 'd' }]);
      expect(ownersOf(body)).toEqual({ 'one Apply': { 'f:data': { 'f:x': LEAF }, 'f:metadata': { 'f:annotations': { 'f:c': LEAF } } } });
    });

    test('leaves what others own, and what they own with it', async () => {
      const { apply, merge } = await inNamespace(api);
      await apply('one', configMap({ x: '1', y: '2' }));
      await apply('two', configMap({ x: '1' }));
      await merge('three', { data: { z: '3' } });
      const { body } = await apply('one', configMap({}));
      expect(body.data).toEqual({ x: '1', z: '3' });
      expect(ownersOf(body)).toEqual({ 'one Apply': { 'f:data': LEAF }, 'two Apply': { 'f:data': { 'f:x': LEAF } }, 'three Update': { 'f:data': { 'f:z': LEAF } } });
    });

    test('of nothing gives up all', async () => {
      const { apply } = await inNamespace(api);
      await apply('one', configMap({ x: '1' }));
      const { body } = await apply('one', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } });
      expect([body.data, body.metadata.managedFields]).toEqual([undefined, undefined]);
    });

    test('of the same again writes nothing', async () => {
      const { apply } = await inNamespace(api);
      const first = await apply('one', configMap({ x: '1' }));
      const second = await apply('one', configMap({ x: '1' }));
      expect([second.status, second.body]).toEqual([200, first.body]);
    });

    test('of what another owns with the same value makes two owners', async () => {
      const { create, apply } = await inNamespace(api);
      const first = await create('one', configMap({ x: '1' }));
      const { body } = await apply('two', configMap({ x: '1' }));
      expect(body.metadata.resourceVersion).not.toBe(first.body.metadata.resourceVersion);
      expect(ownersOf(body)).toEqual({ 'one Update': { 'f:data': { '.': LEAF, 'f:x': LEAF } }, 'two Apply': { 'f:data': { 'f:x': LEAF } } });
    });

    test('as a dry run shows what would be, and changes nothing', async () => {
      const { apply, read } = await inNamespace(api);
      const planned = await apply('one', configMap({ x: '1' }), '&dryRun=All');
      expect([planned.status, ownersOf(planned.body)]).toEqual([201, { 'one Apply': { 'f:data': { 'f:x': LEAF } } }]);
      expect(await read()).toMatchObject({ kind: 'Status', code: 404 });
      await apply('one', configMap({ x: '1' }));
      expect((await apply('one', configMap({ x: '2' }), '&dryRun=All')).body.data).toEqual({ x: '2' });
      expect((await read()).data).toEqual({ x: '1' });
    });

    test('may be written in YAML', async () => {
      const { apply } = await inNamespace(api);
      const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: "1" # as people write it\n';
      expect(await apply('one', text)).toMatchObject({ status: 201, body: { data: { x: '1' } } });
    });

    test('of null leaves a map that others own parts of, and owns it', async () => {
      const { apply } = await inNamespace(api);
      await apply('one', configMap({ x: '1' }, { labels: { a: 'b' } }));
      const { body } = await apply('two', configMap({ y: '2' }, { labels: null }));
      expect([body.data, body.metadata.labels]).toEqual([{ x: '1', y: '2' }, { a: 'b' }]);
      expect(ownersOf(body)['two Apply']).toEqual({ 'f:data': { 'f:y': LEAF }, 'f:metadata': { 'f:labels': LEAF } });
    });

    test('needs no name for an object that is there, and one for a new one', async () => {
      const { apply } = await inNamespace(api);
      const nameless = configMap({ x: '1' }, { name: undefined });
      expect(await apply('one', nameless)).toMatchObject({ status: 400, body: { message: 'the name of the object (a based on URL) was undeterminable: name must be provided' } });
      await apply('one', configMap({ y: '1' }));
      expect(await apply('two', nameless)).toMatchObject({ status: 200, body: { metadata: { name: 'a' }, data: { x: '1', y: '1' } } });
    });
  });

  describe('a conflict', () => {
    test('is told with the owner and the field', async () => {
      const { apply, merge, read } = await inNamespace(api);
      await apply('one', configMap({ x: '1', y: '2' }));
      await merge('three', { data: { z: '3' } });
      const before = await read();
      expect(await apply('two', configMap({ x: '9' }))).toMatchObject({
        status: 409,
        body: {
          reason: 'Conflict',
          message: 'Apply failed with 1 conflict: conflict with "one": .data.x',
          details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.x' }] },
        },
      });
      expect(await apply('two', configMap({ x: '9', y: '9', z: '9' }))).toMatchObject({
        status: 409,
        body: { message: 'Apply failed with 3 conflicts: conflicts with "one":\n- .data.x\n- .data.y\nconflicts with "three" using v1:\n- .data.z' },
      });
      expect(await read()).toEqual(before);
    });

    test('is none with the same value, and none with oneself', async () => {
      const { apply } = await inNamespace(api);
      await apply('one', configMap({ x: '1' }));
      expect((await apply('two', configMap({ x: '1' }))).status).toBe(200);
      expect((await apply('three', configMap({ y: '1' }))).status).toBe(200);
      expect((await apply('three', configMap({ y: '2' }))).status).toBe(200);
    });

    test('is decided by force: the field changes its owner', async () => {
      const { apply, create } = await inNamespace(api);
      await create('zero', configMap({ x: '0', w: '0' }));
      await apply('one', configMap({ y: '1' }));
      const { status, body } = await apply('two', configMap({ x: '9', y: '9' }), '&force=true');
      expect([status, body.data]).toEqual([200, { w: '0', x: '9', y: '9' }]);
      expect(ownersOf(body)).toEqual({ 'zero Update': { 'f:data': { '.': LEAF, 'f:w': LEAF } }, 'two Apply': { 'f:data': { 'f:x': LEAF, 'f:y': LEAF } } });
    });

    test('names items by their keys, and the subresource', async () => {
      const { createWidget, applyWidget } = await inNamespace(api);
      await createWidget('zero', widget('a'));
      const status = (word: string) => partOfWidget({}, { status: { conditions: [{ type: 'Ready', status: word }] } });
      await applyWidget('one', status('True'), '/status');
      expect(await applyWidget('two', status('False'), '/status')).toMatchObject({
        status: 409,
        body: { message: 'Apply failed with 1 conflict: conflict with "one" with subresource "status": .status.conditions[type="Ready"].status' },
      });
    });
  });

  describe('lists', () => {
    test('of objects with keys are merged item by item', async () => {
      const namespace = await api.newNamespace();
      const deployment = `${deploymentsIn(namespace)}/web`;
      const containersAfter = async (manager: string, containers: object[]) => {
        const spec = { template: { spec: { containers } } };
        await api.request('PATCH', `${deployment}?fieldManager=${manager}`, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec }, APPLY);
        const { body } = await api.request<{ spec: { template: { spec: { containers: readonly { name: string; env?: unknown; ports?: unknown }[] } } } }>('GET', deployment);
        return body.spec.template.spec.containers.map(({ name, env, ports }) => ({ name, env, ports }));
      };
      await api.request('POST', `${deploymentsIn(namespace)}?fieldManager=creator`, DEPLOYMENT);
      const main = { name: 'main', env: [{ name: 'A', value: '1' }, { name: 'B', value: '2' }], ports: [{ containerPort: 80, protocol: 'TCP' }] };
      const side = { name: 'side', image: 's:1', ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }] };
      expect(await containersAfter('one', [side, { name: 'main', env: [{ name: 'C', value: '3' }] }])).toEqual([
        { name: 'side', ports: [{ containerPort: 80, protocol: 'TCP' }, { containerPort: 80, protocol: 'UDP' }] },
        { ...main, env: [...main.env, { name: 'C', value: '3' }] },
      ]);
      expect(await containersAfter('one', [{ ...side, ports: [{ containerPort: 80, protocol: 'UDP' }] }, { name: 'main' }])).toEqual([{ name: 'side', ports: [{ containerPort: 80, protocol: 'UDP' }] }, main]);
      expect(await containersAfter('one', [{ name: 'main' }])).toEqual([main]);
    });

    test.each([
      ['new ones stand where they are applied', ['x', 'y'], ['z', 'x'], ['z', 'x', 'y']],
      ['the order of the applier counts', ['x', 'y'], ['y', 'x'], ['y', 'x']],
      ['others stay before what they stood before', ['x', 'y'], ['y', 'z'], ['x', 'y', 'z']],
      ['others come before what is new at the end', ['x', 'y'], ['z'], ['x', 'y', 'z']],
    ])('that are sets get new values: %s', async (_, there, applied, want) => {
      const { createWidget, applyWidget } = await inNamespace(api);
      await createWidget('zero', widget('a', { tags: there }));
      const { body } = await applyWidget('one', partOfWidget({ tags: applied }));
      expect(body.spec).toMatchObject({ tags: want });
      const { body: after } = await applyWidget('one', partOfWidget({ size: 'small' }));
      expect(after.spec).toMatchObject({ tags: want.filter((tag) => there.includes(tag)) });
    });

    test('of any other kind, and selectors, are one field', async () => {
      const namespace = await api.newNamespace();
      const { body } = await api.request<Owned>('POST', `${deploymentsIn(namespace)}?fieldManager=creator`, DEPLOYMENT);
      const container = {
        '.': LEAF, 'f:name': LEAF, 'f:image': LEAF, 'f:command': LEAF, 'f:imagePullPolicy': LEAF, 'f:resources': LEAF, 'f:terminationMessagePath': LEAF, 'f:terminationMessagePolicy': LEAF,
        'f:env': { '.': LEAF, 'k:{"name":"A"}': { '.': LEAF, 'f:name': LEAF, 'f:value': LEAF }, 'k:{"name":"B"}': { '.': LEAF, 'f:name': LEAF, 'f:value': LEAF } },
        'f:ports': { '.': LEAF, 'k:{"containerPort":80,"protocol":"TCP"}': { '.': LEAF, 'f:containerPort': LEAF, 'f:protocol': LEAF } },
      };
      expect(ownersOf(body)['creator Update']).toMatchObject({ 'f:spec': { 'f:selector': LEAF, 'f:template': { 'f:metadata': { 'f:labels': { '.': LEAF, 'f:app': LEAF } }, 'f:spec': { 'f:nodeSelector': LEAF, 'f:containers': { 'k:{"name":"main"}': container } } } } });
    });
  });

  describe('subresources', () => {
    test('apply to the status touches nothing else, and needs an object', async () => {
      const { createWidget, applyWidget } = await inNamespace(api);
      const config = partOfWidget({ size: 'large' }, { status: { replicas: 2 } });
      expect(await applyWidget('one', config, '/status')).toMatchObject({ status: 404, body: { reason: 'NotFound' } });
      await createWidget('zero', widget('a'));
      const { status, body } = await applyWidget('one', config, '/status');
      expect([status, body.spec, body.status]).toEqual([200, { size: 'small', colour: 'red', replicas: 1 }, { replicas: 2 }]);
      expect(ownersOf(body)['one Apply status']).toEqual({ 'f:status': { 'f:replicas': LEAF } });
    });

    test('apply to the object touches no status', async () => {
      const { applyWidget } = await inNamespace(api);
      const { body } = await applyWidget('one', partOfWidget({ size: 'small' }, { status: { replicas: 2 } }));
      expect([body.status, ownersOf(body)]).toEqual([undefined, { 'one Apply': { 'f:spec': { 'f:size': LEAF } } }]);
    });
  });

  describe('a refused apply', () => {
    test.each([
      ['without a manager', '', configMap({}), 422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'],
      ['of a manager with a long name', 'x'.repeat(129), configMap({}), 422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes'],
      ['without a kind', 'one', { ...configMap({}), kind: undefined }, 400, 'invalid object type: /v1, Kind='],
      ['of another kind', 'one', { ...configMap({}), kind: 'Secret' }, 400, 'invalid object type: /v1, Kind=Secret'],
      ['of another name', 'one', configMap({}, { name: 'b' }), 400, 'the name of the object (b) does not match the name on the URL (a)'],
      ['with owners', 'one', configMap({}, { managedFields: [] }), 400, 'metadata.managedFields must be nil'],
      ['with an old version', 'one', configMap({}, { resourceVersion: '1' }), 409, 'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again'],
    ])('%s', async (_, manager, body, status, message) => {
      const { create, apply } = await inNamespace(api);
      await create('zero', configMap({ x: '1' }));
      expect(await apply(manager, body)).toMatchObject({ status, body: { code: status, message } });
    });

    test.each([
      ['a field that the schema does not know', partOfWidget({ sise: 1 }), '.spec.sise: field not declared in schema'],
      ['a value twice in a set', partOfWidget({ tags: ['x', 'x'] }), '.spec.tags: duplicate entries for key [="x"]'],
      ['an item without its key', partOfWidget({}, { status: { conditions: [{ status: 'True' }] } }), '.status.conditions: element 0: associative list with keys has an element that omits all key fields ["type"] (and doesn\'t have default values for any key fields)'],
    ])('with %s', async (_, body, problem) => {
      const { applyWidget } = await inNamespace(api);
      expect(await applyWidget('one', body)).toMatchObject({ status: 500, body: { message: `failed to create typed patch object (/a; test.example.com/v1, Kind=Widget): ${problem}` } });
    });

    test.each([
      ['labels that are no texts', { labels: { version: 1 } }, '.metadata.labels'],
      ['annotations that are no texts', { annotations: { a: 5 } }, '.metadata.annotations'],
      ['finalizers that are no list', { finalizers: 'x' }, '.metadata.finalizers'],
      ['a version that is no text', { resourceVersion: 5 }, '.metadata.resourceVersion'],
    ])('with %s, of a new object and of one that is there', async (_, metadata, field) => {
      const { create, apply } = await inNamespace(api);
      const refused = { status: 500, body: { message: expect.stringContaining(`failed to create typed patch object`) } };
      const fresh = await apply('one', configMap({}, metadata));
      await create('zero', configMap({ x: '1' }));
      const present = await apply('one', configMap({}, metadata));
      expect([fresh, present]).toMatchObject([refused, refused]);
      expect([fresh, present].map(({ body }) => JSON.stringify(body).includes(field))).toEqual([true, true]);
    });

    test('for its values is told as for any write', async () => {
      const { applyWidget } = await inNamespace(api);
      expect(await applyWidget('one', partOfWidget({ replicas: -1 }))).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
    });

    test('is what another patch with force is', async () => {
      const { create, merge } = await inNamespace(api);
      await create('zero', configMap({ x: '1' }));
      expect(await merge('one', {}, '&force=true')).toMatchObject({ status: 422, body: { message: 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch' } });
    });
  });
}
