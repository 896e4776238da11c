import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startWebServer, type WebHandler, type WebServer } from '../../executor/web-server';

let server: WebServer;
let caller: Socket;
afterEach(async () => {
  caller.destroy();
  await server.close();
});

/** Serves with `handle` and sends one request as it is. */
async function send(handle: WebHandler, request: string): Promise<void> {
  server = await startWebServer(handle, { host: '127.0.0.1', port: 0 });
  caller = connect(server.port, '127.0.0.1').setEncoding('utf8');
  caller.write(request);
}

/** Everything that the caller gets until the server ends the connection. */
async function receivedUntilEnd(): Promise<string> {
  let text = '';
  caller.on('data', (piece) => (text += String(piece)));
  caller.on('error', () => undefined); // ending it is the server's right
  await once(caller, 'close');
  return text;
}

test('an answer has its status, its headers and its length', async () => {
  await send(() => Promise.resolve({ status: 201, headers: { 'x-a': '1' }, body: 'äb' }), 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  expect(await receivedUntilEnd()).toMatch(/^HTTP\/1.1 201 Created\r\nx-a: 1\r\n[^]*\r\nContent-Length: 3\r\n\r\näb$/);
});

test('the signal of a request aborts when its caller goes', async () => {
  const signals: AbortSignal[] = [];
  const called = new Promise<void>((resolve, reject) => {
    const handle: WebHandler = async ({ signal }) => {
      signals.push(signal);
      resolve();
      await once(signal, 'abort');
      return { status: 200 };
    };
    send(handle, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n').catch(reject);
  });
  await called;
  const [signal] = signals;
  expect(signal?.aborted).toBe(false);
  const aborted = signal === undefined ? undefined : once(signal, 'abort');
  caller.destroy();
  await aborted;
  expect(signal?.aborted).toBe(true);
});

/** Answers without having read more than one piece of the body. */
const enough: WebHandler = async ({ body }) => {
  for await (const piece of body) {
    return { status: 413, body: `enough: ${piece.length > 0}` };
  }
  return { status: 200, body: 'nothing' };
};

test('a caller that sends on and on gets its answer, and its connection ends', async () => {
  await send(enough, `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1000)}`);
  expect(await receivedUntilEnd()).toMatch(/^HTTP\/1.1 413 [^]*\r\n\r\nenough: true$/);
});

test('a caller that ends what it sends can ask again', async () => {
  const long = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`;
  await send(enough, `${long}GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  expect(await receivedUntilEnd()).toMatch(/^HTTP\/1.1 413 [^]*enough: trueHTTP\/1.1 200 [^]*nothing$/);
});

test('an address that is none is 400', async () => {
  await send(() => Promise.reject(new Error('expected no call')), 'GET http://x:99999/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  expect(await receivedUntilEnd()).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
});

test('a closing server lets an open answer leave, and ends its connection', async () => {
  let answer = (): void => undefined;
  await new Promise<void>((resolve, reject) => {
    const handle: WebHandler = () =>
      new Promise((give) => {
        answer = () => give({ status: 200, body: 'late' });
        resolve();
      });
    send(handle, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n').catch(reject);
  });
  const text = receivedUntilEnd();
  const closed = server.close();
  answer();
  await closed;
  expect(await text).toMatch(/\r\nConnection: close\r\n[^]*\r\n\r\nlate$/);
});

test('silent connections in any number keep nobody out, and take nobody his answer (X20)', async () => {
  let answer = (): void => undefined;
  await new Promise<void>((resolve, reject) => {
    const handle: WebHandler = ({ url }) =>
      url.pathname === '/wait'
        ? new Promise((give) => {
            answer = () => give({ status: 200, body: 'waited for' });
            resolve();
          })
        : Promise.resolve({ status: 200, body: 'at once' });
    send(handle, 'GET /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n').catch(reject);
  });
  const waited = receivedUntilEnd();
  const silent = Array.from({ length: 400 }, () => connect(server.port, '127.0.0.1').on('error', () => undefined));
  const ended = silent.map((socket) => once(socket.resume(), 'close'));
  await Promise.all(ended.slice(0, 100)); // the oldest of them
  expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe('at once');
  answer();
  expect(await waited).toMatch(/\r\n\r\nwaited for$/);
  for (const socket of silent) socket.destroy();
  await Promise.all(ended);
});
