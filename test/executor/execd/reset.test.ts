import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { type ClientRequest, createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { hostSandbox } from '../../../executor/execd/sandbox';
import { until } from '../../support/waiting';
import { isRunning } from '../executor-process';
import { AppInProcess } from './app-in-process';
import { startsAtGate } from './starts-at-gate';

const { sandbox, begun, goOn } = startsAtGate((root) => hostSandbox({ PATH: process.env['PATH'] ?? '' }, root));

let app: AppInProcess;
beforeAll(async () => {
  app = await AppInProcess.start(sandbox);
});
afterAll(() => app.stop());

/** A request and the end of its connection, which is broken by the server. */
function begin(method: string, path: string, headers: Readonly<Record<string, string>> = {}): { readonly begun: ClientRequest; readonly broken: Promise<unknown> } {
  const sent = request(app.client.origin + path, { method, headers, agent: false });
  sent.on('error', () => undefined).on('response', (response) => response.on('error', () => undefined).resume());
  return { begun: sent, broken: new Promise((resolve) => sent.once('close', resolve)) };
}

test('a reset ends all that is done for callers, and until it is over nobody is answered', async () => {
  const upload = begin('POST', '/files/upload', { 'content-type': 'multipart/form-data; boundary=b' });
  upload.begun.write('--b\r\nContent-Disposition: form-data; name="metadata"; filename="m"\r\n\r\n{"path":"new"}\r\n');
  upload.begun.write('--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbegin of it');
  await until(() => expect(readdirSync(app.root)).toHaveLength(1)); // where it is written until it is whole

  const program = createServer((_request, response) => response.writeHead(200).flushHeaders()).listen(0, '127.0.0.1');
  await once(program, 'listening');
  const streams = [begin('GET', `/proxy/${(program.address() as AddressInfo).port}/`), begin('GET', '/metrics/watch')];
  for (const stream of streams) await once(stream.begun.end(), 'response');

  const idle = connect(Number(new URL(app.client.origin).port), '127.0.0.1');
  idle.write('GET /ping HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(idle, 'data');

  const command = app.client.run('exec sleep 1000', { background: true }).then(
    () => 'answered',
    () => 'broken',
  );
  const pid = await begun;
  const ended = app.app.end();
  await Promise.all([upload.broken, ...streams.map(({ broken }) => broken), once(idle, 'close')]);
  expect(await command).toBe('broken');
  for (const [method, path] of [['GET', '/files/info?path=/'], ['DELETE', '/directories?path=new'], ['POST', '/command'], ['GET', '/metrics']] as const) {
    expect(await app.client.refused(method, path)).toEqual({ status: 409, code: 'RUNTIME_ERROR' });
  }
  expect(await app.client.refused('GET', '/ping')).toEqual({ status: 503, code: 'RUNTIME_ERROR' });
  goOn();
  await ended;
  expect([isRunning(pid), readdirSync(app.root), readdirSync(app.dataDir)]).toEqual([false, [], []]);

  app.app.open();
  expect((await app.client.ask('GET', '/ping')).status).toBe(200);
  program.closeAllConnections();
  program.close();
});

test('a change of files that a reset finds under way goes no further', async () => {
  let ended: Promise<unknown> = Promise.resolve();
  const amid: AppInProcess = await AppInProcess.start((root) => {
    mkdirSync(join(root, 'kept', 'below'), { recursive: true });
    const { open } = hostSandbox({}, root);
    return {
      open: () => {
        ended = amid.app.end();
        return open();
      },
    };
  });
  await amid.client.ask('DELETE', '/directories?path=kept').catch(() => undefined); // answered, or broken off
  await ended;
  expect(readdirSync(amid.root)).toEqual(['kept']);
  await amid.stop();
});
