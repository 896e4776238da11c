import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { Latest } from '../../../executor/execd/terminals/latest';
import { hostSandbox } from '../../../executor/execd/sandbox';
import { until } from '../../support/waiting';
import { isRunning } from '../executor-process';
import { AppInProcess } from './app-in-process';
import { startsAtGate } from './starts-at-gate';

let app: AppInProcess;
beforeAll(async () => {
  app = await AppInProcess.start();
});
afterAll(() => app.stop());

/** A client of a terminal, with all that it has got. */
class Client {
  output = '';
  /** Position after what was sent again. */
  replayed = NaN;
  readonly frames: Readonly<Record<string, unknown>>[] = [];
  readonly closed: Promise<unknown>;

  private constructor(readonly socket: WebSocket) {
    socket.binaryType = 'arraybuffer';
    this.closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    socket.addEventListener('message', ({ data }: { readonly data: unknown }) => {
      if (!(typeof data === 'object' && data !== null)) {
        this.frames.push(JSON.parse(String(data)) as Record<string, unknown>);
        return;
      }
      const bytes = Buffer.from(data as ArrayBuffer);
      if (bytes[0] === 1) this.output += bytes.subarray(1).toString();
      if (bytes[0] === 3) {
        this.replayed = Number(bytes.readBigUInt64BE(1));
        this.output += bytes.subarray(9).toString();
      }
    });
  }

  static async connect(id: string, query = '', to = app): Promise<Client> {
    const client = new Client(new WebSocket(`${to.client.origin.replace('http', 'ws')}/pty/${id}/ws${query}`));
    await new Promise((resolve) => client.socket.addEventListener('open', resolve));
    return client;
  }

  type(text: string): void {
    this.socket.send(Buffer.concat([Buffer.of(0), Buffer.from(text)]));
  }
}

/** Status that a client is refused with. */
async function refusalOf(id: string, query = ''): Promise<number | undefined> {
  const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
  const [answer] = (await once(request(`${app.client.origin}/pty/${id}/ws${query}`, { headers }).end(), 'response')) as [IncomingMessage];
  answer.resume();
  return answer.statusCode;
}

async function newTerminal(body: unknown = {}, on = app): Promise<string> {
  const answer = await on.client.ask('POST', '/pty', body);
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { session_id: string }).session_id;
}
const stateOf = async (id: string) => (await app.client.ask('GET', `/pty/${id}`)).json();
const remove = async (id: string) => expect((await app.client.ask('DELETE', `/pty/${id}`)).status).toBe(200);

test('a program has a terminal of its own, with its size, its input and its signals', async () => {
  const id = await newTerminal({ command: 'tty; test -t 0 -a -t 1 -a -t 2 && echo terminal; echo ready; while read line; do echo "got $line $(stty size) $TERM"; done; exit 3', cwd: '/etc' });
  expect(await stateOf(id)).toEqual({ session_id: id, running: false, output_offset: 0 });
  const client = await Client.connect(id);
  await until(() => expect(client.output).toMatch(/^\/dev\/pts\/\d+\r\nterminal\r\nready\r\n$/));
  expect(client.frames).toEqual([{ type: 'connected', session_id: id, mode: 'pty' }]);
  for (const cols of [97, 98, 99]) client.socket.send(JSON.stringify({ type: 'resize', cols, rows: 33 }));
  await until(() => {
    client.type('size\n');
    expect(client.output).toContain('got size 33 99 xterm-256color\r\n');
  });
  client.type('grüße\n');
  client.socket.send(JSON.stringify({ type: 'stdin', data: 'again\n' }));
  await until(() => expect(client.output).toContain('got grüße '));
  await until(() => expect(client.output).toContain('got again '));
  expect(await stateOf(id)).toMatchObject({ running: true });
  client.socket.send('{"type":"nothing"}');
  client.socket.send('{"type":"ping"}');
  await until(() => expect(client.frames.slice(1)).toEqual([expect.objectContaining({ type: 'error', code: 'INVALID_FRAME' }), { type: 'pong' }]));
  client.type('\x04'); // the end of the input
  await client.closed;
  expect(client.frames.at(-1)).toEqual({ type: 'exit', exit_code: 3 });
  expect(await stateOf(id)).toEqual({ session_id: id, running: false, output_offset: Buffer.byteLength(client.output) });
  const late = await Client.connect(id, '?since=0');
  await late.closed;
  expect([late.output, late.replayed, late.frames.at(-1)]).toEqual([client.output, Buffer.byteLength(client.output), { type: 'exit', exit_code: 3 }]);
  await remove(id);
});

test('a client that breaks the protocol after the end of the program is cut off, and nobody else is', async () => {
  const id = await newTerminal({ command: 'true' });
  await (await Client.connect(id)).closed;
  const late = connect(Number(new URL(app.client.origin).port), '127.0.0.1');
  const handshake = `GET /pty/${id}/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
  const unmasked = Buffer.of(0x81, 1, 0x78);
  late.on('error', () => undefined).resume().write(Buffer.concat([Buffer.from(handshake), unmasked]));
  await once(late, 'close');
  expect(await stateOf(id)).toMatchObject({ running: false });
  await remove(id);
});

test('a program outlives its client, and another one sees what it has missed', async () => {
  const id = await newTerminal({ command: 'trap : INT; echo $$; echo öne; sleep 1000; echo interrupted; read line; echo "$line"; exec sleep 1000' });
  const first = await Client.connect(id);
  await until(() => expect(first.output).toContain('öne\r\n'));
  expect(await refusalOf(id)).toBe(409);
  first.socket.addEventListener('message', () => first.type('stolen')); // as soon as it is told, and before it closes
  const second = await Client.connect(id, `?takeover=1&since=${first.output.indexOf('ö')}`);
  await first.closed;
  expect(first.frames.at(-1)).toMatchObject({ type: 'error', code: 'SESSION_GONE' });
  await until(() => expect(second.output).toBe('öne\r\n'));
  second.socket.send(JSON.stringify({ type: 'signal', signal: 'SIGINT' }));
  await until(() => expect(second.output).toContain('interrupted\r\n'));
  second.socket.close();
  await second.closed;
  const third = await Client.connect(id);
  third.type('typed\n');
  await until(() => expect(third.output).toBe('typed\r\ntyped\r\n')); // and nothing that the first has typed after the takeover
  const pid = Number.parseInt(first.output);
  expect(isRunning(pid)).toBe(true);
  await remove(id);
  await third.closed;
  expect(isRunning(pid)).toBe(false);
});

test('the first client sees all, also when the program has ended before it could come', async () => {
  const { sandbox, begun, goOn } = startsAtGate((root) => hostSandbox({ PATH: process.env['PATH'] ?? '' }, root));
  const held = await AppInProcess.start(sandbox);
  const connecting = Client.connect(await newTerminal({ command: 'echo early' }, held), '', held);
  const pid = await begun;
  await until(() => expect(isRunning(pid)).toBe(false));
  goOn();
  const client = await connecting;
  await client.closed;
  expect([client.output, client.frames.at(-1)]).toEqual(['early\r\n', { type: 'exit', exit_code: 0 }]);
  await held.stop();
});

test('of many values that come at once, the last is worked on, and one at a time', async () => {
  const ends: (() => void)[] = [];
  const seen: number[] = [];
  const latest = new Latest<number>((value) => {
    seen.push(value);
    return new Promise<void>((resolve, reject) => ends.push(value === 1 ? reject : resolve));
  });
  for (const value of [1, 2, 3]) latest.set(value);
  expect(seen).toEqual([1]);
  ends.pop()?.(); // it fails
  await until(() => expect(seen).toEqual([1, 3]));
  ends.pop()?.();
  latest.set(4);
  await until(() => expect(seen).toEqual([1, 3, 4]));
});

test('much output comes whole', async () => {
  const id = await newTerminal({ command: 'stty -opost; seq 300000; echo end' });
  const client = await Client.connect(id);
  await client.closed;
  expect(client.output).toBe(`${Array.from({ length: 300_000 }, (_, index) => index + 1).join('\n')}\nend\n`);
  await remove(id);
});

test.each<[string, string, unknown, number, string]>([
  ['POST', '/pty', { cwd: 1 }, 400, 'INVALID_REQUEST_BODY'],
  ['GET', '/pty/0', undefined, 404, 'CONTEXT_NOT_FOUND'],
  ['DELETE', '/pty/0', undefined, 404, 'CONTEXT_NOT_FOUND'],
  ['GET', '/pty/0/ws', undefined, 426, 'UNKNOWN'],
])('%s %s %j is refused', async (method, path, body, status, code) => {
  expect(await app.client.refused(method, path, body)).toEqual({ status, code });
});

test('a client of what there is not is refused', async () => {
  expect(await refusalOf('0')).toBe(404);
  expect(await refusalOf(await newTerminal(), '?pty=0')).toBe(501);
  expect(await refusalOf(await newTerminal(), '?since=-1')).toBe(400);
  expect(await refusalOf(await newTerminal({ cwd: '/no/directory' }))).toBe(500);
});
