import { KubeApi } from '../../../operator/kube/api';
import { ApiError, isConflict, isNotFound, NotLeadingError, TransportError } from '../../../operator/kube/api-error';
import { fixedConnection } from '../../../operator/kube/connection';
import { PODS } from '../../../operator/kube/resource-types';
import { Transport, type TransportOptions } from '../../../operator/kube/transport';
import { patchVersion } from '../../../operator/kube/versioned-patch';
import { systemClock } from '../../../src/program/clock';
import { breakConnection, FakeApi, json, refuse, silence } from '../../support/fake-api';

const pod = { metadata: { namespace: 'ns', name: 'a', resourceVersion: '1' } };
const ref = { namespace: 'ns', name: 'a' };

describe('Transport', () => {
  let fake: FakeApi;
  let transports: Transport[];

  beforeEach(async () => {
    fake = await FakeApi.start();
    transports = [];
  });
  afterEach(async () => {
    await Promise.all(transports.map((transport) => transport.destroy()));
    await fake.stop();
  });

  const open = (options: Partial<TransportOptions> = {}) => {
    const transport = new Transport({ connection: fixedConnection(fake.url, 'secret'), clock: systemClock, random: () => 0, ...options });
    transports.push(transport);
    return transport;
  };
  const openApi = (options: Partial<TransportOptions> = {}) => new KubeApi({ transport: open(options) });

  test('sends 200 calls over no more connections than allowed', async () => {
    fake.always(json(pod));
    const api = openApi({ maxConnections: 4 });
    await Promise.all(Array.from({ length: 200 }, () => api.get(PODS, ref)));
    expect(fake.requests).toHaveLength(200);
    expect(fake.connectionCount).toBe(4);
  });

  test('uses connections again for calls one after another', async () => {
    fake.always(json(pod));
    const api = openApi();
    for (let i = 0; i < 20; i++) await api.get(PODS, ref);
    // A second one when the next call comes in the very turn that ends the one before.
    expect(fake.connectionCount).toBeLessThanOrEqual(2);
  });

  test('uses connections again after deletes that carry preconditions', async () => {
    fake.always(json(pod));
    const api = openApi();
    for (let i = 0; i < 20; i++) await api.delete(PODS, ref, { uid: 'u' });
    expect(fake.connectionCount).toBeLessThanOrEqual(2);
  });

  test('keeps watches and calls on connections of their own', async () => {
    fake.always((request, response) => {
      if (request.query.has('watch')) response.writeHead(200).flushHeaders();
      else json(pod)(request, response);
    });
    const transport = open({ maxConnections: 1 });
    const stop = new AbortController();
    const opened: Promise<void>[] = [];
    const watches = [1, 2, 3].map((n) => {
      let onOpen: () => void = () => undefined;
      opened.push(new Promise((resolve) => (onOpen = resolve)));
      return transport.stream(`/api/v1/pods?watch=true&n=${n}`, stop.signal, { onOpen, onData: () => undefined });
    });
    await Promise.all(opened);
    await new KubeApi({ transport }).get(PODS, ref);
    expect(fake.connectionCount).toBe(4);
    stop.abort(new Error('enough'));
    const ends = await Promise.allSettled(watches);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  test('waits as long as a 429 asks, for any call', async () => {
    fake.script(refuse(429, 'TooManyRequests', { 'retry-after': '1' }), json(pod));
    const startedAt = performance.now();
    await openApi().patch(PODS, ref, 'json', []);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_000);
    expect(fake.requests).toHaveLength(2);
  });

  test('throws a 429 whose wait does not fit into the deadline', async () => {
    fake.always(refuse(429, 'TooManyRequests', { 'retry-after': '60' }));
    await expect(openApi().get(PODS, ref)).rejects.toMatchObject({ status: 429, retryAfterMs: 60_000 });
    expect(fake.requests).toHaveLength(1);
  });

  test.each([
    ['a read', (api: KubeApi) => api.get(PODS, ref), 2],
    ['a list', (api: KubeApi) => api.list(PODS), 2],
    ['a create under a fixed name', (api: KubeApi) => api.create(PODS, { metadata: ref }), 2],
    ['a create under a name of the server', (api: KubeApi) => api.create(PODS, { metadata: { namespace: 'ns', generateName: 'a-' } }), 1],
    ['a merge patch', (api: KubeApi) => api.patch(PODS, ref, 'merge', {}), 2],
    ['a JSON patch', (api: KubeApi) => api.patch(PODS, ref, 'json', []), 1],
    ['a JSON patch of a version', (api: KubeApi) => patchVersion(api, PODS, { metadata: { ...ref, resourceVersion: '1' } }, []), 2],
    ['a delete with UID', (api: KubeApi) => api.delete(PODS, ref, { uid: 'u' }), 2],
    ['a delete without UID', (api: KubeApi) => api.delete(PODS, ref), 1],
    ['a delete of many', (api: KubeApi) => api.deleteCollection(PODS, { namespace: 'ns' }), 1],
  ])('sends %s again only where that is safe', async (_title, call, times) => {
    for (const failure of [refuse(503, 'ServiceUnavailable'), breakConnection]) {
      const before = fake.requests.length;
      fake.script(failure, json(pod));
      const outcome = await call(openApi()).then(
        () => 'done',
        () => 'failed',
      );
      expect([outcome, fake.requests.length - before]).toEqual([times === 2 ? 'done' : 'failed', times]);
    }
  });

  test('never sends what the server has judged again', async () => {
    fake.always(refuse(409, 'Conflict'));
    const error: unknown = await openApi().patch(PODS, ref, 'merge', {}).catch((reason: unknown) => reason);
    expect([isConflict(error), isNotFound(error), fake.requests.length]).toEqual([true, false, 1]);
  });

  test.each([
    ['a version that is no longer there', 409, 'Conflict', {}, true],
    ['a step that does not fit', 422, 'Invalid', {}, true],
    ['a value that breaks the schema', 422, 'Invalid', { kind: 'Pod', name: 'a' }, false],
  ])('a JSON patch of a version that is refused for %s: %i %s', async (_title, status, reason, details, isOne) => {
    fake.always(refuse(status, reason, {}, details));
    const error: unknown = await patchVersion(openApi(), PODS, pod, []).catch((refusal: unknown) => refusal);
    expect([error instanceof ApiError, isConflict(error)]).toEqual([true, isOne]);
  });

  test('turns a refusal into an error with reason, message and details', async () => {
    fake.always(json({ kind: 'Status', reason: 'Invalid', message: 'spec is wrong', details: { causes: [{ field: 'spec.x' }] } }, 422));
    await expect(openApi().get(PODS, ref)).rejects.toMatchObject({
      status: 422,
      reason: 'Invalid',
      message: 'GET /api/v1/namespaces/ns/pods/a: HTTP 422: spec is wrong',
      details: { causes: [{ field: 'spec.x' }] },
    });
  });

  test('keeps a refusal that is no Status, such as one of a proxy', async () => {
    fake.always((_request, response) => response.writeHead(403).end('<html>denied</html>'));
    await expect(openApi().get(PODS, ref)).rejects.toMatchObject({ status: 403, reason: '', message: expect.stringContaining('<html>denied') });
  });

  test('gives a call up at its deadline and frees its connection (L43)', async () => {
    // It may be so slow that the first call is over before it is here.
    fake.always((request, response) => (request.path === '/silent' ? silence : json({ n: 2 }))(request, response));
    const transport = open({ maxConnections: 1 });
    const call = { method: 'GET', repeatable: true } as const;
    await expect(transport.call({ ...call, path: '/silent', deadlineMs: 50 })).rejects.toThrow(new TransportError('GET /silent: expected an answer within 50 ms, got none'));
    expect(await transport.call({ ...call, path: '/x', deadlineMs: 30_000 })).toEqual({ n: 2 });
  });

  test('counts the wait for a free connection into the deadline', async () => {
    fake.always(silence);
    const transport = open({ maxConnections: 1 });
    const stop = new AbortController();
    const first = transport.call({ method: 'GET', path: '/first', repeatable: false, deadlineMs: 60_000, signal: stop.signal });
    await expect(transport.call({ method: 'GET', path: '/second', repeatable: false, deadlineMs: 50 })).rejects.toThrow(/within 50 ms/);
    stop.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
  });

  test('ends with the reason of the signal, also one that has aborted before (L43)', async () => {
    fake.always(silence);
    const call = { method: 'GET', path: '/x', repeatable: true, deadlineMs: 5_000 } as const;
    await expect(open().call({ ...call, signal: AbortSignal.abort(new Error('stopped')) })).rejects.toThrow('stopped');
    expect(fake.requests).toHaveLength(0);
  });

  test('waits for the answer to what was sent uncut, and sends nothing more after that (R61)', async () => {
    const stop = new AbortController();
    fake.always((request, response) => {
      stop.abort(new Error('stopped'));
      json(pod)(request, response);
    });
    const create = { method: 'POST', path: '/x', repeatable: true, deadlineMs: 5_000, signal: stop.signal, uncut: true } as const;
    expect(await open().call(create)).toEqual(pod);
    await expect(open().call(create)).rejects.toThrow('stopped');
    expect(fake.requests).toHaveLength(1);
  });

  test('reads credentials anew on a 401 and tries once more', async () => {
    const tokens = ['old', 'new'];
    const connection = { ...fixedConnection(fake.url), authorization: () => Promise.resolve(tokens[0]), refresh: () => Promise.resolve(void tokens.shift()) };
    fake.always((request, response) => (request.authorization === 'new' ? json(pod) : refuse(401, 'Unauthorized'))(request, response));
    await openApi({ connection }).patch(PODS, ref, 'json', []);
    expect(fake.requests.map(({ authorization }) => authorization)).toEqual(['old', 'new']);

    tokens.splice(0, tokens.length, 'old', 'older', 'oldest');
    await expect(openApi({ connection }).get(PODS, ref)).rejects.toMatchObject({ status: 401 });
    expect(tokens).toEqual(['older', 'oldest']);
  });

  test('opens new connections after five transport errors in a row', async () => {
    const transport = open({ maxConnections: 1 });
    const call = { method: 'GET', path: '/x', repeatable: false, deadlineMs: 20 } as const;
    fake.always(json({}));
    await transport.call({ ...call, deadlineMs: 30_000 });
    fake.always(silence);
    const ends = await Promise.allSettled(Array.from({ length: 5 }, () => transport.call(call)));
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
    fake.always(json({ n: 1 }));
    expect(await transport.call({ ...call, deadlineMs: 30_000 })).toEqual({ n: 1 });
  });

  test('tells of every answer and of every missing one', async () => {
    const codes: string[] = [];
    fake.script(breakConnection, refuse(404, 'NotFound'));
    const api = openApi({ onAnswer: ({ method, code }) => codes.push(`${method} ${code}`) });
    await expect(api.get(PODS, ref)).rejects.toBeInstanceOf(ApiError);
    expect(codes).toEqual(['GET <error>', 'GET 404']);
  });

  test('sends nothing while it may not write (R112)', async () => {
    fake.always(json(pod));
    let leads = false;
    const api = new KubeApi({ transport: open(), mayWrite: () => leads });
    await expect(api.patch(PODS, ref, 'merge', {})).rejects.toBeInstanceOf(NotLeadingError);
    await api.get(PODS, ref);
    leads = true;
    await api.patch(PODS, ref, 'merge', {});
    expect(fake.requests.map(({ method }) => method)).toEqual(['GET', 'PATCH']);
  });

  test.each([
    ['the rate limit', { qps: 10, burst: 1 }],
    ['a connection', { maxConnections: 1 }],
  ])('does not send what has waited for %s when it may not write any more (R112)', async (_what, options) => {
    let answer: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) =>
      fake.always((...exchange) => {
        answer = () => json(pod)(...exchange);
        resolve();
      }),
    );
    let leads = true;
    const api = new KubeApi({ transport: open(options), mayWrite: () => leads });
    const sent = api.patch(PODS, ref, 'merge', {});
    await arrived;
    const late = api.create(PODS, pod);
    leads = false;
    answer();
    await expect(late).rejects.toBeInstanceOf(NotLeadingError);
    expect(await sent).toEqual(pod);
    expect(fake.requests.map(({ method }) => method)).toEqual(['PATCH']);
  });
});
