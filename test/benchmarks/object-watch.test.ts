import type { KubeObject } from '../../src/schema/kubernetes';
import { FakeApi, type SeenRequest } from '../support/fake-api';
import { until } from '../support/waiting';
import { BareClient } from './bare-client';
import { ObjectWatch } from './object-watch';

const PATH = '/apis/example.com/v1/namespaces/n/widgets';
const widget = (name: string, resourceVersion: string, isFull: boolean) => ({ metadata: { name, resourceVersion }, isFull });
/** As the server writes lists of custom resources: by the names of their members. */
const list = (resourceVersion: string, ...items: readonly object[]) => JSON.stringify({ items, metadata: { resourceVersion } });
const isWatch = ({ query }: SeenRequest) => query.get('watch') === 'true';

interface Widget extends KubeObject {
  readonly isFull: boolean;
}

describe('a watch whose server has forgotten what came after the last line', () => {
  let api: FakeApi;
  let client: BareClient;
  beforeEach(async () => {
    api = await FakeApi.start();
    client = new BareClient({ url: api.url, token: 'none', ca: '' });
  });
  afterEach(async () => {
    await client.close();
    await api.stop();
  });

  test.each([
    { way: 'by an answer', status: 410, refusal: { kind: 'Status', code: 410 } },
    { way: 'by a line', status: 200, refusal: { type: 'ERROR', object: { kind: 'Status', code: 410 } } },
  ])('goes on with all that there is when it says so $way', async ({ status, refusal }) => {
    let isLost = false;
    api.always((request, response) => {
      if (!isWatch(request)) {
        response.end(isLost ? list('9', widget('filled', '8', true)) : list('1', widget('other', '0', false)));
      } else if (request.query.get('resourceVersion') === '9') {
        response.write(`${JSON.stringify({ type: 'MODIFIED', object: widget('later', '10', true) })}\n`);
      } else if (isLost) {
        response.writeHead(status).end(`${JSON.stringify(refusal)}\n`);
      } else {
        response.write(`${JSON.stringify({ type: 'ADDED', object: widget('filled', '2', false) })}\n`, () => {
          isLost = true;
          response.end();
        });
      }
    });
    const watch = await ObjectWatch.open<Widget>(client, PATH);
    const isFull = (object: Widget) => object.isFull;
    await Promise.all([watch.until('filled', 'filled', isFull), watch.untilGone('removed'), watch.until('later', 'later', isFull)]);
    await until(() => expect(api.requests.filter(isWatch).map(({ query }) => query.get('resourceVersion'))).toEqual(['1', '2', '9']));
  });

  test('fails when the server refuses it for another reason', async () => {
    api.always((request, response) => {
      if (isWatch(request)) response.writeHead(403).end(JSON.stringify({ kind: 'Status', code: 403 }));
      else response.end(list('1'));
    });
    await expect(ObjectWatch.open(client, PATH)).rejects.toThrow(/expected it to go on, got status 403/);
  });
});
