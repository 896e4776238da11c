import { once } from 'node:events';
import { createServer, get, type IncomingMessage, request as startRequest, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { until } from '../../support/waiting';
import { AppInProcess } from './app-in-process';

let app: AppInProcess;
let server: Server;
let port: number;
beforeAll(async () => {
  app = await AppInProcess.start();
  server = createServer((request, response) => {
    if (request.url === '/stream') {
      response.writeHead(200).flushHeaders();
      request.once('close', () => response.end('later'));
      return;
    }
    if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': 100 }).write('begin', () => request.socket.destroy());
      return;
    }
    void (async () => {
      let body = '';
      for await (const piece of request) body += String(piece);
      response.writeHead(418, 'I am a teapot', [['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2'], ['Keep-Alive', 'timeout=9']].flat());
      response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
    })();
  });
  server.on('upgrade', ({ headers, url }, socket: Duplex, head: Buffer) => {
    const told = `${String(url)} ${String(headers.upgrade)} ${String(headers['x-mine'])} ${head.toString()}`;
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n${told}`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await app.stop();
});

test('a request goes to the port as it came, without keys and what is about its connection (E24)', async () => {
  const headers = { 'open-sandbox-api-key': 'secret', 'x-execd-access-token': 'secret', 'x-mine': 'yes', connection: 'keep-alive' };
  const answer = await app.client.ask('PATCH', `/proxy/${port}/a%20b/c?d=e&f`, 'body', { headers });
  const { headers: forwarded, ...rest } = (await answer.json()) as { headers: Record<string, string> };
  expect([answer.status, answer.statusText, answer.headers.getSetCookie(), rest]).toEqual([
    418,
    'I am a teapot',
    ['a=1', 'b=2'],
    { method: 'PATCH', url: '/a%20b/c?d=e&f', body: 'body' },
  ]);
  expect(forwarded).toMatchObject({ 'x-mine': 'yes', host: new URL(app.client.origin).host });
  expect(JSON.stringify(forwarded)).not.toContain('secret');
  expect(await (await app.client.ask('GET', `/proxy/${port}`)).json()).toMatchObject({ url: '/' });
});

test.each(['GET', 'DELETE'])('the body of a %s stays one', async (method) => {
  const inside = 'GET /inside HTTP/1.1\r\nHost: x\r\n\r\n';
  for (const headers of [{ 'transfer-encoding': 'chunked' }, { 'content-length': inside.length, connection: 'content-length' }]) {
    const asking = startRequest(`${app.client.origin}/proxy/${port}/body`, { method, headers }).end(inside);
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    expect(JSON.parse(await textOf(answer))).toMatchObject({ method, url: '/body', body: inside });
  }
});

test('a request that offers another protocol than web sockets is answered as it stands', async () => {
  const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQ' };
  const [answer] = (await once(startRequest(`${app.client.origin}/proxy/${port}/x`, { headers }).end(), 'response')) as [IncomingMessage];
  const text = await textOf(answer);
  expect(JSON.parse(text)).toMatchObject({ method: 'GET', url: '/x' });
  expect(text).not.toMatch(/upgrade|http2/i);
});

test('where Node hands every offer over, another than web sockets is refused', async () => {
  const bare = createServer().on('upgrade', (incoming, socket, head) => void app.app.upgrade(incoming, socket, head));
  await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
  const headers = { connection: 'Upgrade', upgrade: 'h2c' };
  const asking = startRequest({ host: '127.0.0.1', port: (bare.address() as AddressInfo).port, path: `/proxy/${port}/x`, headers }).end();
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  expect([answer.statusCode, JSON.parse(await textOf(answer))]).toEqual([400, { code: 'UNKNOWN', message: "Upgrade: expected websocket, without a body, or no such header, got 'h2c'" }]);
  await new Promise((resolve) => bare.close(resolve));
});

test('a stream begins before it ends, and what breaks off breaks off', async () => {
  const request = get(`${app.client.origin}/proxy/${port}/stream`);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  request.destroy();
  // Its beginning may or may not be there before its end is known.
  await expect(app.client.ask('GET', `/proxy/${port}/cut`).then((cut) => cut.text())).rejects.toThrow();
});

test('an upgrade becomes a stream in both ways, from its first byte on', async () => {
  const caller = connect(Number(new URL(app.client.origin).port), '127.0.0.1').setEncoding('utf8');
  caller.write(`GET /proxy/${port}/chat?x=1 HTTP/1.1\r\nHost: x\r\nX-Mine: yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst `);
  let text = '';
  caller.on('data', (piece) => (text += String(piece)));
  await until(() => expect(text).toMatch(/^HTTP\/1.1 101 [^]*\r\n\r\n\/chat\?x=1 websocket yes first $/));
  caller.end('second');
  await once(caller, 'close');
  expect(text.endsWith('first second')).toBe(true);
});

test('who begins another protocol that nobody asked for has not answered', async () => {
  const eager = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'));
  });
  await once(eager.listen(0, '127.0.0.1'), 'listening');
  expect(await app.client.refused('GET', `/proxy/${(eager.address() as AddressInfo).port}/`)).toEqual({ status: 502, code: 'RUNTIME_ERROR' });
  await new Promise((resolve) => eager.close(resolve));
});

/** A port on which nobody answers, and that no other test is given. */
const SILENT_PORT = 1;

test('where nobody answers, or there is no such port, the caller is told', async () => {
  expect(await app.client.refused('GET', `/proxy/${SILENT_PORT}/`)).toEqual({ status: 502, code: 'RUNTIME_ERROR' });
  expect(await app.client.refused('GET', '/proxy/0/')).toEqual({ status: 400, code: 'MISSING_QUERY' });
  expect(await app.client.refused('GET', '/proxy/99999/')).toEqual({ status: 400, code: 'MISSING_QUERY' });
  for (const [path, status] of [[`/proxy/${SILENT_PORT}/`, 502], ['/ping', 400]] as const) {
    const caller = connect(Number(new URL(app.client.origin).port), '127.0.0.1').setEncoding('utf8');
    caller.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    let text = '';
    for await (const piece of caller) text += String(piece);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*\r\n\r\n{"code":"[A-Z_]+","message":".+"}$`));
  }
});

test('sandboxes within the sandbox are not offered', async () => {
  expect(await app.client.refused('POST', '/v1/isolated/session', {})).toEqual({ status: 501, code: 'NOT_SUPPORTED' });
});

test('what is offered of what others have more of', async () => {
  expect(await app.client.runBody('/code', { code: 'echo shell', context: {} })).toMatchObject({ stdout: ['shell'], exitCode: 0 });
  expect(await (await app.client.ask('GET', '/v1/isolated/capabilities')).json()).toEqual({ available: false, message: expect.stringMatching(/./) });
});
