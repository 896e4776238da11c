import type { ApiUnderTest } from '../../support/api-under-test';
import { until } from '../../support/waiting';
import { renamedCrd, widget, type WIDGET_CRD, widgetsIn } from '../../support/widget-crd';
import { MERGE } from './media-types';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Tests of custom resources: their schemas, their status and scale, and their definitions; needs the widgets to be defined. */
export function describeCustomResources(api: ApiUnderTest): void {
  describe('an accepted object', () => {
    test('gets defaults, also below objects that are there, and loses what the schema does not know', async () => {
      const namespace = await api.newNamespace();
      const { status, body } = await api.request('POST', widgetsIn(namespace), widget('a', { nested: {}, unknown: 1, free: { kept: { deep: true } }, note: null, until: null }));
      expect([status, (body as { spec: unknown }).spec]).toEqual([201, { size: 'small', replicas: 1, colour: 'red', nested: { level: 5 }, free: { kept: { deep: true } }, note: null }]);
    });

    test.each([
      ['warns of', '', { status: 201, warning: '299 - "unknown field \\"spec.größe✓\\""' }],
      ['says nothing of', '?fieldValidation=Ignore', { status: 201, warning: undefined }],
      ['refuses', '?fieldValidation=Strict', { status: 400, warning: undefined }],
    ])('%s a field that the schema does not know', async (_, query, want) => {
      const namespace = await api.newNamespace();
      const { status, warning } = await api.request('POST', widgetsIn(namespace) + query, widget('a', { 'größe✓': 1 }));
      expect({ status, warning }).toEqual(want);
    });

    test('has a generation that counts changes of the spec alone, and the wish for its end', async () => {
      const namespace = await api.newNamespace();
      const path = `${widgetsIn(namespace)}/a`;
      const generationAfter = async (method: string, subpath: string, body?: object) => {
        await api.request(method, path + subpath, body, MERGE);
        return (await api.request<{ metadata: { generation: number } }>('GET', path)).body.metadata.generation;
      };
      await api.request('POST', widgetsIn(namespace), widget('a', {}, { finalizers: ['test.example.com/hold'] }));
      expect([
        await generationAfter('PATCH', '', { spec: { replicas: 2 } }),
        await generationAfter('PATCH', '', { metadata: { labels: { a: 'b' } } }),
        await generationAfter('PATCH', '/status', { status: { replicas: 2 } }),
        await generationAfter('DELETE', ''),
      ]).toEqual([2, 2, 2, 3]);
    });

    test.each([['kind'], ['apiVersion']])('must say its %s', async (field) => {
      const namespace = await api.newNamespace();
      expect(await api.request('POST', widgetsIn(namespace), { ...widget('a'), [field]: undefined })).toMatchObject({ status: 400, body: { reason: 'BadRequest' } });
    });

    test('must be updated with the version that was read', async () => {
      const namespace = await api.newNamespace();
      await api.request('POST', widgetsIn(namespace), widget('a'));
      expect(await api.request('PUT', `${widgetsIn(namespace)}/a`, widget('a'))).toMatchObject({
        status: 422,
        body: { details: { causes: [{ field: 'metadata.resourceVersion', message: 'Invalid value: 0: must be specified for an update' }] } },
      });
    });

    test('takes no strategic merge patch', async () => {
      const namespace = await api.newNamespace();
      await api.request('POST', widgetsIn(namespace), widget('a'));
      expect(await api.request('PATCH', `${widgetsIn(namespace)}/a`, {}, 'application/strategic-merge-patch+json')).toMatchObject({ status: 415, body: { reason: 'UnsupportedMediaType' } });
    });
  });

  describe('a refused object', () => {
    test.each([
      ['a number below its minimum', { replicas: -1 }, 'spec.replicas', 'Invalid value: -1: spec.replicas in body should be greater than or equal to 0'],
      ['a number above its maximum', { replicas: 101 }, 'spec.replicas', 'Invalid value: 101: spec.replicas in body should be less than or equal to 100'],
      ['a fraction', { replicas: 1.5 }, 'spec.replicas', 'Invalid value: "number": spec.replicas in body must be of type integer: "number"'],
      ['a text for a number', { replicas: '1' }, 'spec.replicas', 'Invalid value: "string": spec.replicas in body must be of type integer: "string"'],
      ['a word that is not in the list', { size: 'huge' }, 'spec.size', 'Unsupported value: "huge": supported values: "small", "large"'],
      ['a missing field', { size: undefined }, 'spec.size', 'Required value'],
      ['a text that is too long', { colour: 'turquoise' }, 'spec.colour', 'Too long: may not be more than 8 bytes'],
      ['a text of another form', { colour: 'RED' }, 'spec.colour', `Invalid value: "RED": spec.colour in body should match '^[a-z]*$'`],
      ['a time that is none', { until: 'soon' }, 'spec.until', 'Invalid value: "soon": spec.until in body must be of type date-time: "soon"'],
      ['too many items', { tags: ['a', 'b', 'c', 'd'] }, 'spec.tags', 'Too many: 4: must have at most 3 items'],
      ['an item twice in a set', { tags: ['a', 'b', 'a'] }, 'spec.tags[2]', 'Duplicate value: "a"'],
      ['a broken rule', { min: 5, max: 4 }, 'spec', 'Invalid value: "object": min must not be above max'],
    ])('names the field and the fault: %s', async (_, spec, field, message) => {
      const namespace = await api.newNamespace();
      const answer = await api.request('POST', widgetsIn(namespace), widget('a', spec));
      expect(answer).toMatchObject({ status: 422, body: { reason: 'Invalid', details: { group: 'test.example.com', kind: 'Widget', name: 'a', causes: expect.arrayContaining([expect.objectContaining({ field, message })]) } } });
    });

    test('names all its faults at once', async () => {
      const namespace = await api.newNamespace();
      const { body } = await api.request<{ message: string; details: { causes: readonly { field: string }[] } }>('POST', widgetsIn(namespace), widget('a', { replicas: -1, colour: 'RED' }));
      expect(body.details.causes.map(({ field }) => field).sort()).toEqual(['.spec.replicas', 'spec.colour', 'spec.replicas']);
      expect(body.message).toMatch(/^Widget\.test\.example\.com "a" is invalid: \[spec\./);
    });

    test.each([
      ['5', 201],
      [5, 201],
      ['25%', 201],
      [5.5, 422],
      [true, 422],
    ])('may be a whole number or a text where both are allowed: %p', async (pace, code) => {
      const namespace = await api.newNamespace();
      expect((await api.request('POST', widgetsIn(namespace), widget('a', { pace }))).status).toBe(code);
    });

    test('may not change what a rule compares with its old value', async () => {
      const namespace = await api.newNamespace();
      await api.request('POST', widgetsIn(namespace), widget('a', { colour: 'blue' }));
      expect(await api.request('PATCH', `${widgetsIn(namespace)}/a`, { spec: { colour: 'green' } }, MERGE)).toMatchObject({ status: 422, body: { details: { causes: [{ field: 'spec', message: 'Invalid value: "object": colour is fixed' }] } } });
    });
  });

  describe('the status subresource', () => {
    test('is not written by create or update, and writes nothing else', async () => {
      const namespace = await api.newNamespace();
      const path = `${widgetsIn(namespace)}/a`;
      const created = await api.request('POST', widgetsIn(namespace), { ...widget('a'), status: { replicas: 9 } });
      expect(created.body).not.toHaveProperty('status');
      await api.request('PATCH', path, { status: { replicas: 9 } }, MERGE);
      await api.request('PATCH', `${path}/status`, { spec: { size: 'large' }, metadata: { labels: { a: 'b' } }, status: { replicas: 3 } }, MERGE);
      const { body } = await api.request<{ metadata: object }>('GET', `${path}/status`);
      expect(body).toMatchObject({ spec: { size: 'small' }, status: { replicas: 3 } });
      expect(body.metadata).not.toHaveProperty('labels');
    });

    test('can not say that there are fewer replicas than none', async () => {
      const namespace = await api.newNamespace();
      await api.request('POST', widgetsIn(namespace), widget('a'));
      expect(await api.request('PATCH', `${widgetsIn(namespace)}/a/status`, { status: { replicas: -1 } }, MERGE)).toMatchObject({ status: 422, body: { details: { causes: [{ field: '.status.replicas' }] } } });
    });

    test('is checked as the spec is', async () => {
      const namespace = await api.newNamespace();
      await api.request('POST', widgetsIn(namespace), widget('a'));
      const conditions = [{ type: 'Ready', status: 'True' }, { type: 'Ready', status: 'False' }];
      expect(await api.request('PATCH', `${widgetsIn(namespace)}/a/status`, { status: { conditions } }, MERGE)).toMatchObject({ status: 422, body: { details: { causes: [{ field: 'status.conditions[1]', reason: 'FieldValueDuplicate' }] } } });
    });
  });

  describe('the scale subresource', () => {
    test('reads and writes the replicas of the object', async () => {
      const namespace = await api.newNamespace();
      const path = `${widgetsIn(namespace)}/a`;
      await api.request('POST', widgetsIn(namespace), widget('a', { replicas: 2 }));
      await api.request('PATCH', `${path}/status`, { status: { replicas: 1 } }, MERGE);
      expect(await api.request('GET', `${path}/scale`)).toMatchObject({ status: 200, body: { kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 2 }, status: { replicas: 1 } } });
      expect((await api.request('PATCH', `${path}/scale`, { spec: { replicas: 5 } }, MERGE)).status).toBe(200);
      expect((await api.request('GET', path)).body).toMatchObject({ spec: { replicas: 5 }, metadata: { generation: 2 } });
      expect((await api.request('PATCH', `${path}/scale`, { spec: { replicas: -1 } }, MERGE)).status).toBe(422);
      expect((await api.request('PUT', `${path}/scale`, { metadata: { name: 'b' }, spec: { replicas: 6 } })).status).toBe(400);
      expect((await api.request('PATCH', `${path}/scale`, { metadata: { resourceVersion: '1' }, spec: { replicas: 6 } }, MERGE)).status).toBe(409);
    });
  });

  describe('a definition', () => {
    const other = (change: (crd: typeof WIDGET_CRD) => object) => change(renamedCrd('gadget', 'gd'));

    test('takes its objects with it, those with finalizers last', async () => {
      const namespace = await api.newNamespace();
      const gadgets = `/apis/test.example.com/v1/namespaces/${namespace}/gadgets`;
      expect((await api.request('POST', CRDS, other((crd) => crd))).status).toBe(201);
      const gadget = { apiVersion: 'test.example.com/v1', kind: 'Gadget', metadata: { name: 'held', finalizers: ['test.example.com/hold'] }, spec: { size: 'small' } };
      await until(async () => expect((await api.request('POST', gadgets, gadget)).status).toBe(201));
      await api.request('DELETE', `${CRDS}/gadgets.test.example.com`);
      await until(async () => expect((await api.request('GET', `${gadgets}/held`)).body).toMatchObject({ metadata: { deletionTimestamp: expect.any(String) } }));
      await api.request('PATCH', `${gadgets}/held`, { metadata: { finalizers: null } }, MERGE);
      await until(async () => expect((await api.request('GET', `${CRDS}/gadgets.test.example.com`)).status).toBe(404));
      await until(async () => expect((await api.request('GET', gadgets)).status).toBe(404));
    });

    test.each([
      ['another name than its plural and group', (crd: typeof WIDGET_CRD) => ({ ...crd, metadata: { name: 'others.test.example.com' } })],
      ['no stored version', (crd: typeof WIDGET_CRD) => ({ ...crd, spec: { ...crd.spec, versions: crd.spec.versions.map((version) => ({ ...version, storage: false })) } })],
      ['no schema', (crd: typeof WIDGET_CRD) => ({ ...crd, spec: { ...crd.spec, versions: crd.spec.versions.map(({ schema: _, ...version }) => version) } })],
      [
        'a rule that does not compile',
        (crd: typeof WIDGET_CRD) => ({
          ...crd,
          spec: { ...crd.spec, versions: crd.spec.versions.map((version) => ({ ...version, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-validations': [{ rule: 'self.(' }] } } })) },
        }),
      ],
    ])('is refused with %s', async (_, change) => {
      expect(await api.request('POST', CRDS, other(change))).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
    });
  });
}
