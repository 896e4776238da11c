import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendPieces } from '../../../executor/execd/send-pieces';

const PIECE = Buffer.alloc(65_536, 'x');

let server: Server | undefined;
afterEach(() => server?.close());

/** Asks for what `answer` sends; resolves with the answer as it comes, and with the end of its sending. */
async function ask(answer: (response: ServerResponse) => Promise<void>): Promise<{ readonly answer: IncomingMessage; readonly sent: Promise<void> }> {
  let sent = Promise.resolve();
  server = createServer((_request, response) => void (sent = answer(response))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const request = get({ port: (server.address() as AddressInfo).port, agent: false });
  const [came] = (await once(request, 'response')) as [IncomingMessage];
  return { answer: came, sent };
}

test('all waits for a reader share their listeners, and none is left', async () => {
  const counts = new Set<number>();
  let drains = 0;
  function* pieces(response: ServerResponse) {
    for (let index = 0; index < 50; index += 1) {
      counts.add(response.listenerCount('close') + response.listenerCount('drain') + response.listenerCount('error'));
      yield PIECE;
    }
  }
  let left: number[] = [];
  const { answer, sent } = await ask(async (response) => {
    const before = ['close', 'drain', 'error'].map((event) => response.listenerCount(event));
    response.on('drain', () => (drains += 1));
    await sendPieces(response, pieces(response));
    left = ['close', 'drain', 'error'].map((event, index) => response.listenerCount(event) - (before[index] ?? 0));
  });
  let length = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) length += piece.length;
  await sent;
  expect({ length, waited: drains > 10, counts: counts.size, left }).toEqual({ length: 50 * PIECE.length, waited: true, counts: 1, left: [0, 1, 0] });
});

test('the pieces end when their reader is gone', async () => {
  let isOver = false;
  async function* endless() {
    try {
      for (;;) yield PIECE;
    } finally {
      isOver = true;
    }
  }
  const { answer, sent } = await ask((response) => sendPieces(response, endless()));
  answer.destroy();
  await sent;
  expect(isOver).toBe(true);
});
