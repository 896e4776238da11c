import { type ApiUnderTest, take } from '../../support/api-under-test';
import { widgetsIn } from '../../support/widget-crd';
import { MERGE } from './media-types';

interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string; readonly remainingItemCount?: number };
  readonly items: readonly { readonly metadata: { readonly name: string; readonly resourceVersion: string } }[];
}

const namesOf = ({ items }: List) => items.map(({ metadata }) => metadata.name);
const seen = (lines: readonly { type: string; object: { metadata: { name?: string } } }[]) => lines.map(({ type, object }) => `${type} ${object.metadata.name}`);

/** Tests of watch and list; needs the widgets to be defined. */
export function describeWatch(api: ApiUnderTest): void {
  /** Secrets of a namespace: unlike ConfigMaps, nobody else makes any. */
  async function newSecrets(): Promise<{ path: string; create: (name: string, labels?: object) => Promise<string>; patch: (name: string, body: object) => Promise<unknown> }> {
    const path = `/api/v1/namespaces/${await api.newNamespace()}/secrets`;
    return {
      path,
      create: async (name, labels = {}) => {
        const { body } = await api.request<List['items'][number]>('POST', path, { metadata: { name, labels } });
        return body.metadata.resourceVersion;
      },
      patch: (name, body) => api.request('PATCH', `${path}/${name}`, body, MERGE),
    };
  }

  describe('watch', () => {
    test('tells what is there, and then each change in order', async () => {
      const secrets = await newSecrets();
      await secrets.create('a');
      const events = await api.watch(`${secrets.path}?watch=true&labelSelector=!none&fieldSelector=metadata.name%3Da`);
      expect(seen(await take(events, 1))).toEqual(['ADDED a']);
      await secrets.patch('a', { data: { x: 'MQ==' } });
      await api.request('DELETE', `${secrets.path}/a`);
      expect(seen(await take(events, 2))).toEqual(['MODIFIED a', 'DELETED a']);
      await events.return();
    });

    test('resumes after a version: nothing before it, everything after it', async () => {
      const secrets = await newSecrets();
      const version = await secrets.create('a');
      await secrets.create('b');
      await secrets.patch('a', { data: { x: 'MQ==' } });
      const events = await api.watch(`${secrets.path}?watch=1&resourceVersion=${version}`);
      expect(seen(await take(events, 2))).toEqual(['ADDED b', 'MODIFIED a']);
      await events.return();
    });

    test('goes on where a list ended', async () => {
      const secrets = await newSecrets();
      await secrets.create('a');
      const { body } = await api.request<List>('GET', secrets.path);
      await secrets.create('b');
      const events = await api.watch(`${secrets.path}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
      expect(seen(await take(events, 1))).toEqual(['ADDED b']);
      await events.return();
    });

    test('shows an object that enters or leaves the selection as added or deleted', async () => {
      const secrets = await newSecrets();
      const version = await secrets.create('a', { show: 'no' });
      const events = await api.watch(`${secrets.path}?watch=1&resourceVersion=${version}&labelSelector=show%3Dyes`);
      await secrets.patch('a', { metadata: { labels: { show: 'yes' } } });
      await secrets.patch('a', { data: { x: 'MQ==' } });
      await secrets.patch('a', { metadata: { labels: { show: 'no' } } });
      expect(seen(await take(events, 3))).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
      await events.return();
    });

    test('tells the last version of a deleted object, newer than any before', async () => {
      const secrets = await newSecrets();
      const version = await secrets.create('a');
      const events = await api.watch(`${secrets.path}?watch=1&resourceVersion=${version}`);
      await api.request('DELETE', `${secrets.path}/a`);
      const [deleted] = await take(events, 1);
      expect(Number(deleted?.object.metadata.resourceVersion)).toBeGreaterThan(Number(version));
      await events.return();
    });

    test('from a version that is forgotten is told so', async () => {
      const { body } = await api.request<List>('GET', widgetsIn('default'));
      expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(1);
      const events = await api.watch(`${widgetsIn('default')}?watch=1&resourceVersion=1`);
      expect(await take(events, 2)).toMatchObject([{ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }]);
    });

    test('ends when its time is over', async () => {
      const secrets = await newSecrets();
      const version = await secrets.create('a');
      expect(await take(await api.watch(`${secrets.path}?watch=1&resourceVersion=${version}&timeoutSeconds=1`), 1)).toEqual([]);
    });

    test('marks the end of the initial events by a bookmark', async () => {
      const secrets = await newSecrets();
      await secrets.create('a', { only: 'me' });
      const events = await api.watch(`${secrets.path}?watch=1&labelSelector=only&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`);
      const lines = await take(events, 2);
      expect(lines).toMatchObject([{ type: 'ADDED' }, { type: 'BOOKMARK', object: { kind: 'Secret', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } } }]);
      await events.return();
    });

    test('of initial events must say which version it accepts', async () => {
      const secrets = await newSecrets();
      expect(await api.request('GET', `${secrets.path}?watch=1&sendInitialEvents=true`)).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
    });

    test('follows one pod by the name of its node', async () => {
      const namespace = await api.newNamespace();
      const pods = `/api/v1/namespaces/${namespace}/pods`;
      const { body } = await api.request<List>('GET', pods);
      const events = await api.watch(`${pods}?watch=1&resourceVersion=${body.metadata.resourceVersion}&fieldSelector=spec.nodeName%3Dnode-9`);
      await api.request('POST', pods, { metadata: { name: 'p' }, spec: { nodeName: 'node-9', containers: [{ name: 'a', image: 'i' }] } });
      expect(seen(await take(events, 1))).toEqual(['ADDED p']);
      await events.return();
    });
  });

  describe('list', () => {
    test('shows one moment over all of its pages', async () => {
      const secrets = await newSecrets();
      for (const name of ['a', 'b', 'c', 'd', 'e']) await secrets.create(name, { mine: 'yes' });
      const query = `${secrets.path}?labelSelector=mine&limit=2`;
      const first = (await api.request<List>('GET', query)).body;
      expect([namesOf(first), typeof first.metadata.continue]).toEqual([['a', 'b'], 'string']);
      await api.request('DELETE', `${secrets.path}/c`);
      const second = (await api.request<List>('GET', `${query}&continue=${first.metadata.continue}`)).body;
      const third = (await api.request<List>('GET', `${query}&continue=${second.metadata.continue}`)).body;
      expect([namesOf(second), namesOf(third), third.metadata.continue ?? '']).toEqual([['c', 'd'], ['e'], '']);
      expect(third.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    });

    test.each([
      ['tier=web', ['w']],
      ['tier!=web', ['d', 'n']],
      ['tier in (web,db)', ['d', 'w']],
      ['tier notin (web)', ['d', 'n']],
      ['tier', ['d', 'w']],
      ['!tier', ['n']],
      ['tier=db,tier', ['d']],
    ])('selects by labels: %s', async (selector, names) => {
      const secrets = await newSecrets();
      await secrets.create('w', { tier: 'web' });
      await secrets.create('d', { tier: 'db' });
      await secrets.create('n');
      const { body } = await api.request<List>('GET', `${secrets.path}?labelSelector=${encodeURIComponent(selector)}`);
      expect(namesOf(body)).toEqual(names);
    });

    test.each([
      ['a label selector that is none', 'labelSelector=a%20b%20c', 400],
      ['a field that the kind does not offer', 'fieldSelector=spec.colour%3Dred', 400],
      ['a continue token that is none', 'continue=garbage', 400],
      ['a match of a version that it does not name', 'resourceVersionMatch=Exact', 422],
      ['an exact match of any version', 'resourceVersion=0&resourceVersionMatch=Exact', 422],
      ['an unknown match', 'resourceVersion=1&resourceVersionMatch=Roughly', 422],
      ['initial events without a watch', 'sendInitialEvents=true', 422],
      ['a version from the future', 'resourceVersion=999999999', 504],
    ])('refuses %s', async (_, query, code) => {
      const secrets = await newSecrets();
      expect(await api.request('GET', `${secrets.path}?${query}`)).toMatchObject({ status: code, body: { kind: 'Status', code } });
    });
  });

  test.each([
    ['GET', '/api/v1/nothings', 404],
    ['POST', '/api/v1/pods', 405],
    ['DELETE', '/api/v1/pods', 405],
    ['PATCH', '/api/v1/namespaces/default/configmaps', 405],
  ])('%s %s is %d', async (method, path, code) => {
    expect(await api.request(method, path, method === 'GET' ? undefined : { metadata: { name: 'x' } })).toMatchObject({ status: code, body: { kind: 'Status' } });
  });

  test.each([['/nothing'], ['/apis/nobody.example.com'], ['/apis/nobody.example.com/v1/things'], ['/apis/test.example.com/v1/things']])('GET %s is no page', async (path) => {
    expect(await api.request('GET', path)).toEqual({ status: 404, body: '404 page not found\n' });
  });
}
