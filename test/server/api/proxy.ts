import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import type { LifecycleServer } from '../../../server/lifecycle-server';
import { readConfig } from '../../../server/config/read-config';
import { ACCESS_TOKEN, AccessTokens } from '../../../server/proxy/access-token';
import { ExecdHeaders } from '../../../server/proxy/execd-headers';
import { Gate } from '../../../server/proxy/gate';
import { Proxy } from '../../../server/proxy/proxy';
import { ApiKeys } from '../../../server/web/api-keys';
import { type HttpHost, serveHttp } from '../../../server/web/http-host';
import { systemClock } from '../../../src/program/clock';
import { createLogger } from '../../../src/program/log';
import type { EndpointReply, SandboxReply } from '../../../src/schema/lifecycle-reply';
import { ManualClock } from '../../support/manual-clock';
import { pathOf } from '../../support/operator-in-process';
import { until } from '../../support/waiting';
import { KEY } from '../server-in-process';
import { ask } from './ask';
import { type Backend, startBackend } from './backend';
import { gateway } from './gateway-config';
import { pooled, ROOM, type ServerUnderTest } from './server-under-test';

/** Reads of what the cache does not know that a server makes at once. */
const MOST_READS = 50;
/** Headers of a web socket's handshake. */
const UPGRADE = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'k' };

/** Ways into sandboxes: the server's own proxy, and its gateway. */
export function proxySuite(server: ServerUnderTest): void {
  describe('through the server', () => {
    let backend: Backend;
    const hosts: HttpHost[] = [];
    beforeAll(async () => {
      backend = await startBackend();
    });
    afterAll(async () => {
      await Promise.all(hosts.map((host) => host.close(1, () => undefined)));
      await backend.close();
    });

    const serve = async ({ app, proxy }: LifecycleServer) => {
      const host = await serveHttp({ fetch: (request) => app.fetch(request), taker: proxy, host: '127.0.0.1', port: 0, keepAliveMs: 1_000 }, systemClock);
      hosts.push(host);
      return host.port;
    };
    /** A sandbox whose address is this machine. */
    const atHome = async (more: object = {}): Promise<SandboxReply> => {
      const sandbox = await server.create(pooled(more));
      const [pod = ''] = (await server.world.operator.batch(sandbox.id)).status?.allocation?.slots ?? [];
      const { podPrefix = '' } = (await server.world.operator.batch(sandbox.id)).status?.allocation ?? {};
      await server.world.operator.patch(`${pathOf('pods', `${podPrefix}${pod.split('/')[0] ?? ''}`)}/status`, { status: { podIP: '127.0.0.1' } });
      await until(async () => expect((await server.send<EndpointReply>('GET', `/v1/sandboxes/${sandbox.id}/endpoints/80`)).body.endpoint).toBe('127.0.0.1:80'));
      return sandbox;
    };
    const untilKnown = (replica: Pick<LifecycleServer, 'sandboxes'>, id: string) => until(() => expect(JSON.stringify(replica.sandboxes.find(id))).toContain('127.0.0.1'));

    test('a request passes as it is, but for what belongs to the server and to the connection (L6, L31)', async () => {
      const port = await serve(server.world.server);
      const { id } = await atHome();
      const headers = ['open-sandbox-api-key', KEY, 'Authorization', 'Bearer x', 'Cookie', 'c=1', 'X-Forwarded-For', '1.2.3.4', 'Connection', 'X-Hop', 'X-Hop', 'h', 'X-EXECD-ACCESS-TOKEN', 't', 'X-Twice', '1', 'X-Twice', '2', 'X-Request-ID', 'r-1'];
      const answer = await ask(port, `/v1/sandboxes/${id}/proxy/${backend.port}/a%2Fb/../c?q=%20x&q=+`, { method: 'PATCH', headers, body: 'hello' });
      expect([answer.status, answer.body]).toEqual([200, 'got PATCH /a%2Fb/../c?q=%20x&q=+']);
      expect(answer.message.rawHeaders.join()).toContain('Set-Cookie,a=1,Set-Cookie,b=2,X-Written-So,yes');
      expect([answer.message.headers['x-request-id'], answer.message.trailers['x-sum']]).toEqual(['r-1', '42']);
      const seen = backend.seen.at(-1);
      expect(seen).toMatchObject({ method: 'PATCH', body: 'hello' });
      const names = seen?.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
      expect(names).toEqual(['host', 'x-execd-access-token', 'x-twice', 'x-twice', 'x-request-id', 'transfer-encoding', 'connection']);

      const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE'];
      const statuses = await Promise.all(methods.map(async (method) => (await ask(port, `/sandboxes/${id}/proxy/${backend.port}`, { method })).status));
      expect(statuses).toEqual(methods.map(() => 200));
      // A body is one, whatever the method: what stands in it is no request.
      const inside = 'GET /inside HTTP/1.1\r\nHost: x\r\n\r\n';
      for (const method of ['GET', 'DELETE']) {
        for (const framing of [['Transfer-Encoding', 'chunked'], ['Content-Length', String(inside.length), 'Connection', 'content-length']]) {
          const headers = ['open-sandbox-api-key', KEY, ...framing];
          expect((await ask(port, `/sandboxes/${id}/proxy/${backend.port}/body`, { method, headers, body: inside })).status).toBe(200);
          expect(backend.seen.at(-1)).toMatchObject({ method, url: '/body', body: inside });
        }
      }
      // What no server of ours could send is passed on as far as that goes, and ends nothing but itself.
      expect(await ask(port, `/sandboxes/${id}/proxy/${backend.port}/odd`)).toMatchObject({ status: 200, body: 'hi' });
      await ask(port, `/sandboxes/${id}/proxy/${backend.port}/large`, { method: 'POST', body: 'x'.repeat(8_000_000) });
      expect(backend.seen.at(-1)).toMatchObject({ url: '/large', body: '8000000' });
      expect((await ask(port, `/v1/sandboxes/${id}/proxy/${backend.port}/moved`)).message.headers.location).toBe(`/v1/sandboxes/${id}/proxy/${backend.port}/there?x=1`);
    });

    test('only the API key and the token of this very sandbox open it, for web sockets too (L5)', async () => {
      const port = await serve(server.world.server);
      const [mine, other] = await Promise.all([atHome(), server.create()]);
      const tokenOf = async ({ id }: SandboxReply) => {
        const { body } = await server.send<EndpointReply>('GET', `/v1/sandboxes/${id}/endpoints/80?use_server_proxy=true`, { headers: { host: `server.example:${port}` } });
        expect(body.endpoint).toBe(`server.example:${port}/v1/sandboxes/${id}/proxy/80`);
        return Object.entries(body.headers ?? {}).flat();
      };
      const path = `/sandboxes/${mine.id}/proxy/${backend.port}/x`;
      const [own, foreign] = [await tokenOf(mine), await tokenOf(other)];
      const statuses = await Promise.all([own, foreign, [], ['open-sandbox-api-key', 'wrong']].map(async (headers) => (await ask(port, path, { headers })).status));
      expect(statuses).toEqual([200, 401, 401, 401]);
      // Who may not look cannot tell what is there.
      expect(JSON.parse((await ask(port, `/sandboxes/none/proxy/80/x`, { headers: own })).body)).toMatchObject({ code: 'MISSING_OR_INVALID_SECURE_ACCESS' });

      const refused = httpRequest({ host: '127.0.0.1', port, path, headers: UPGRADE });
      refused.end();
      const [response] = (await once(refused, 'response')) as [IncomingMessage];
      expect([response.statusCode, response.headers['x-request-id']]).toEqual([401, expect.stringMatching(/./)]);
      response.resume();
    });

    test('what opens nothing is told so before anything is looked up, and what opens is told what hinders', async () => {
      // Its reads of what the cache does not know do not come back.
      const replica = await server.world.replica(gateway('uri', 'gw.example'), { clock: new ManualClock(new Date()) });
      const port = await serve(replica.server);
      const genuine = new AccessTokens([KEY]).tokenOf({ metadata: { name: 'none', uid: 'u-1' } }) ?? '';
      const forged = new AccessTokens(['other']).tokenOf({ metadata: { name: 'none', uid: 'u-1' } }) ?? '';
      const status = async (path: string, ...headers: string[]) => (await ask(port, path, { headers })).status;
      const proxied = '/sandboxes/none/proxy/80/x';
      for (let count = 0; count < MOST_READS / 2; count += 1) {
        expect([await status(proxied, ACCESS_TOKEN, forged), await status(`/none/80/${'z'.repeat(7)}/${'0'.repeat(32)}a/x`)]).toEqual([401, 401]);
      }
      expect([await status(proxied, ACCESS_TOKEN, genuine), await status('/sandboxes/other/proxy/80/x', ACCESS_TOKEN, genuine)]).toEqual([404, 401]);
      for (let count = 1; count < MOST_READS; count += 1) expect(await status(proxied, 'open-sandbox-api-key', KEY)).toBe(404);
      const answer = await ask(port, proxied, { headers: [ACCESS_TOKEN, genuine] });
      expect([answer.status, answer.message.headers['retry-after']]).toEqual([503, '1']);
    });

    test('a web socket is passed on, with the id of its request (L31, L40)', async () => {
      const port = await serve(server.world.server);
      const { id } = await atHome();
      const request = httpRequest({ host: '127.0.0.1', port, path: `/v1/sandboxes/${id}/proxy/${backend.port}/ws?a=1`, headers: { ...UPGRADE, 'open-sandbox-api-key': KEY, 'x-request-id': 'ws-1' } });
      request.end();
      const [response, socket, head] = (await once(request, 'upgrade')) as [IncomingMessage, Duplex, Buffer];
      expect(response.headers).toMatchObject({ 'x-request-id': 'ws-1', upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-accept': 'accepted' });
      expect(backend.seen.at(-1)).toMatchObject({ method: 'UPGRADE', url: '/ws?a=1', rawHeaders: expect.arrayContaining(['Sec-WebSocket-Key', 'k']) as string[] });
      const heard: string[] = [String(head)];
      socket.on('data', (chunk) => heard.push(String(chunk)));
      socket.write('hello');
      await until(() => expect(heard.join('')).toBe('HI HELLO'));
      await until(() => expect(server.world.server.proxy.count).toBe(1)); // what came before is over a moment after its answer
      socket.end();
      await until(() => expect(server.world.server.proxy.count).toBe(0));
    });

    test('a web socket that is refused ends with the refusal, also when that breaks off', async () => {
      const port = await serve(server.world.server);
      const { id } = await atHome();
      const request = httpRequest({ host: '127.0.0.1', port, path: `/v1/sandboxes/${id}/proxy/${backend.port}/unwilling`, headers: { ...UPGRADE, 'open-sandbox-api-key': KEY } });
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(403);
      await expect(textOf(response)).rejects.toThrow('aborted');
    });

    test('what is read for a caller ends with it (L43)', async () => {
      const reads: AbortSignal[] = [];
      const store = {
        get: (_id: string, signal: AbortSignal) => {
          reads.push(signal);
          return new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
        },
      };
      const read = readConfig('');
      if (!read.ok) throw new Error(read.problems.join('; '));
      const gate = new Gate({ store, keys: new ApiKeys([KEY]), tokens: new AccessTokens([KEY]), config: read.config, clock: systemClock });
      const proxy = new Proxy({ gate, execd: new ExecdHeaders(), clock: systemClock, log: createLogger('test', 'error', { write: () => undefined }), stop: new AbortController().signal });
      const host = await serveHttp({ fetch: () => new Response(), taker: proxy, host: '127.0.0.1', port: 0, keepAliveMs: 1_000 }, systemClock);
      hosts.push(host);
      const request = httpRequest({ host: '127.0.0.1', port: host.port, path: '/sandboxes/none/proxy/80/x', headers: { 'open-sandbox-api-key': KEY } });
      request.on('error', () => undefined).end();
      await until(() => expect(reads).toHaveLength(1));
      request.destroy();
      await until(() => expect(reads[0]?.aborted).toBe(true));
    });

    test('a request that offers another protocol than web sockets is answered as it stands', async () => {
      const port = await serve(server.world.server);
      const { id } = await atHome();
      const offer = ['open-sandbox-api-key', KEY, 'Connection', 'Upgrade, HTTP2-Settings', 'Upgrade', 'h2c', 'HTTP2-Settings', 'AAMAAABkAAQ'];
      expect(await ask(port, `/v1/sandboxes/${id}/proxy/${backend.port}/x`, { headers: offer })).toMatchObject({ status: 200, body: 'got GET /x' });
      expect(backend.seen.at(-1)?.rawHeaders.join().toLowerCase()).not.toMatch(/upgrade|http2/);
      expect((await ask(port, '/v1/sandboxes', { headers: offer })).status).toBe(200);
      // Where Node hands every offer over, it is refused.
      const bare = createServer().on('upgrade', (incoming, socket, head) => server.world.server.proxy.upgrade(incoming, socket, head));
      await once(bare.listen(0, '127.0.0.1'), 'listening');
      const refused = await ask((bare.address() as AddressInfo).port, `/v1/sandboxes/${id}/proxy/${backend.port}/x`, { headers: offer });
      expect([refused.status, JSON.parse(refused.body)]).toMatchObject([400, { code: 'SANDBOX::INVALID_PARAMETER', message: "Upgrade: expected websocket, without a body, or no such header, got 'h2c'" }]);
      await new Promise((resolve) => bare.close(resolve));
    });

    test('a stream is told piece by piece, and ends in the sandbox when its caller goes (L30)', async () => {
      const port = await serve(server.world.server);
      const { id } = await atHome();
      const open = async () => {
        const request = httpRequest({ host: '127.0.0.1', port, path: `/v1/sandboxes/${id}/proxy/${backend.port}/stream`, headers: { 'open-sandbox-api-key': KEY } });
        request.on('error', () => undefined).end();
        const [message] = (await once(request, 'response')) as [IncomingMessage];
        expect(String(((await once(message, 'data')) as [Buffer])[0])).toBe('first\n');
        return { request, message };
      };
      const whole = await open();
      backend.release();
      expect(String(((await once(whole.message, 'data')) as [Buffer])[0])).toBe('last\n');
      const cut = await open();
      cut.request.destroy();
      await until(() => expect(backend.left()).toBe(1));
    });

    test('what fails in the sandbox is told as JSON: nothing that listens, an answer that breaks, a port that is nobody\'s (L12, L32)', async () => {
      const port = await serve(server.world.server);
      const { id } = await atHome();
      const code = async (path: string) => {
        const { status, body } = await ask(port, `/v1/sandboxes/${id}/proxy/${path}`);
        return `${status} ${(JSON.parse(body) as { code: string }).code}`;
      };
      expect(await code('1/x')).toBe('502 BACKEND_CONNECTION_FAILED');
      expect(await code(`${backend.port}/break`)).toBe('502 BACKEND_RESPONSE_FAILED');
      expect(await code(`${backend.port}/eager`)).toBe('502 BACKEND_RESPONSE_FAILED'); // a web socket that nobody asked for
      expect(await code('5758/getTasks')).toBe('400 DOCKER::INVALID_PORT');
      expect(await code('0/x')).toBe('400 DOCKER::INVALID_PORT');
    });

    test.each([
      ['header', 'gw.example', (_id: string, target: string) => ({ endpoint: 'gw.example', headers: { 'OpenSandbox-Ingress-To': target } })],
      ['wildcard', '*.gw.example', (_id: string, target: string) => ({ endpoint: `${target}.gw.example` })],
      ['uri', 'gw.example/box', (id: string, target: string) => ({ endpoint: `gw.example/box/${id}/${target.slice(id.length + 1)}` })],
    ])('as gateway it serves the endpoints that it names: by %s (L33)', async (mode, address, wanted) => {
      const replica = await server.world.replica(gateway(mode, address));
      const port = await serve(replica.server);
      const { id } = await atHome();
      await untilKnown(replica.server, id);
      const { body: endpoint } = await replica.send<EndpointReply>('GET', `/v1/sandboxes/${id}/endpoints/${backend.port}`);
      expect(endpoint).toMatchObject(wanted(id, `${id}-${backend.port}`));
      const [host = '', ...path] = endpoint.endpoint.split('/');
      const call = (headers: readonly string[]) => {
        const request = httpRequest({ host: '127.0.0.1', port, path: `/${[...path, 'hello'].join('/')}`, headers: ['Host', host, ...headers] });
        request.end();
        return once(request, 'response').then(([message]) => {
          (message as IncomingMessage).resume();
          return (message as IncomingMessage).statusCode;
        });
      };
      const headers = Object.entries(endpoint.headers ?? {});
      expect(await call(headers.flat())).toBe(200);
      expect(backend.seen.at(-1)).toMatchObject({ url: '/hello' });
      expect(await call(headers.filter(([name]) => name !== 'OpenSandbox-Secure-Access').flat())).toBe(401);
    });

    test('a signed route opens without a token until its end, and only as it was signed (L9)', async () => {
      const replica = await server.world.replica(gateway('uri', 'gw.example'));
      const port = await serve(replica.server);
      const { id } = await atHome();
      await untilKnown(replica.server, id);
      const sign = (expires: number) => replica.send<EndpointReply>('GET', `/v1/sandboxes/${id}/endpoints/${backend.port}?expires=${expires}`);
      const { body: endpoint } = await sign(Math.floor(Date.now() / 1000) + 600);
      const path = endpoint.endpoint.slice('gw.example'.length);
      expect(endpoint).not.toHaveProperty('headers');
      const later = path.replace(/\/([0-9a-z]+)\/([0-9a-f]{32}a)$/, (_all, expiry: string, signature: string) => `/${(parseInt(expiry, 36) + 1).toString(36)}/${signature}`);
      const statuses = await Promise.all([path, later, path.replace(/.a$/, (end) => (end === '0a' ? '1a' : '0a'))].map(async (each) => (await ask(port, `${each}/x`, { headers: [] })).status));
      expect(statuses).toEqual([200, 401, 401]);
      expect((await sign(1)).body).toMatchObject({ code: 'SANDBOX::INVALID_PARAMETER' });
    });

    test('an access renews a sandbox that asked for it (L28)', async () => {
      const replica = await server.world.replica('[renew_intent]\nenabled = true\n');
      const port = await serve(replica.server);
      const { id, expiresAt = '' } = await atHome({ extensions: { ...ROOM, 'access.renew.extend.seconds': '3600' } });
      await untilKnown(replica.server, id);
      await ask(port, `/sandboxes/${id}/proxy/${backend.port}/x`, { headers: ['open-sandbox-api-key', KEY, 'OpenSandbox-Access-Renew', 'skip'] });
      expect((await replica.send<SandboxReply>('GET', `/v1/sandboxes/${id}`)).body.expiresAt).toBe(expiresAt);
      await ask(port, `/sandboxes/${id}/proxy/${backend.port}/x`);
      await until(async () => expect(Date.parse((await replica.send<SandboxReply>('GET', `/v1/sandboxes/${id}`)).body.expiresAt ?? '')).toBeGreaterThan(Date.parse(expiresAt)));
    });

    test('streams end with the server (L46)', async () => {
      const replica = await server.world.replica();
      const port = await serve(replica.server);
      const { id } = await atHome();
      await untilKnown(replica.server, id);
      const request = httpRequest({ host: '127.0.0.1', port, path: `/v1/sandboxes/${id}/proxy/${backend.port}/stream`, headers: { 'open-sandbox-api-key': KEY } });
      request.on('error', () => undefined).end();
      const [message] = (await once(request, 'response')) as [IncomingMessage];
      const broken = new Promise((resolve) => message.on('error', () => undefined).on('close', resolve).resume());
      replica.server.stopRequests();
      await broken;
      await until(() => expect(replica.server.proxy.count).toBe(0));
    });
  });
}
