import { connect } from 'node:net';
import fc from 'fast-check';

/** Requests that are almost HTTP, or that ask a server for more than it should give. */
const NEARLY: readonly string[] = [
  'POST /setTasks HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
  'POST /setTasks HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n[]',
  'POST /setTasks HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n[]',
  'POST /setTasks HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n[]',
  'POST /setTasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'POST /setTasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n[]',
  'POST /setTasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\nExpect: 100-continue\r\n\r\n0\r\n\r\n',
  `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(5_000)}\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${'x.'.repeat(20_000)}\r\n\r\n`,
  `GET /${'../'.repeat(3_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  'GET / HTTP/1.1\r\nHost: ://[\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'GET //evil HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET http://[/ HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /getTasks?wait=%zz&after=%zz HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /tasks/%zz/logs HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /__proto__ HTTP/1.1\r\nHost: x\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
  'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];

const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const anyHead = fc.tuple(fc.constantFrom('GET', 'POST', 'X'), fc.string({ unit: 'binary', maxLength: 20 }), anyBytes).map(([method, path, rest]) => Buffer.concat([Buffer.from(`${method} /${path} HTTP/1.1\r\n`), rest, Buffer.from('\r\n\r\n')]));

/** Sends noise to a server of this machine, connection by connection, half of each closed: every one of the known requests, and `runs` others. */
export async function sendNoise(port: number, runs: number): Promise<void> {
  await Promise.all(NEARLY.map((text) => untilClosed(port, Buffer.from(text))));
  await fc.assert(fc.asyncProperty(fc.oneof(anyBytes, anyHead), (bytes) => untilClosed(port, bytes)), { numRuns: runs });
}

async function untilClosed(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume().end(bytes);
  await closed;
}
