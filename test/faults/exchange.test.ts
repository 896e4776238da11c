import { exchange } from '../../operator/kube/exchange';
import { type Fate, type Server, SimulatedConnections } from './exchange';
import { Random } from './random';
import { SimulatedProcess } from './simulated-process';
import { VirtualClock } from './virtual-clock';

const REQUEST = { method: 'GET', path: '/things', headers: {} } as const;

/** One request with this fate to a server that answers `yes`; what became of it, and how often the server was asked. */
async function send(fate: Partial<Fate>, after: (process: SimulatedProcess, connections: SimulatedConnections) => void = () => undefined) {
  const clock = new VirtualClock();
  const process = new SimulatedProcess(clock);
  let asked = 0;
  const server: Server = (_, responder) => {
    asked += 1;
    responder.start(200);
    responder.data('ye');
    responder.data('s');
    responder.end();
  };
  const connections = new SimulatedConnections({ process, server, fateOf: () => ({ thereMs: 5, backMs: () => 5, ...fate }), random: new Random('1') });
  let end = 'nothing yet';
  exchange(connections, REQUEST, new AbortController().signal).then(
    ({ status, body }) => (end = `${status} ${body} after ${clock.monotonicMs()} ms`),
    (error: unknown) => (end = String(error)),
  );
  after(process, connections);
  while (await clock.step(60_000));
  return { asked, end };
}

test.each<[string, Partial<Fate>, { asked: number; end: string }]>([
  ['arrives', {}, { asked: 1, end: '200 yes after 10 ms' }],
  ['is refused on its way', { trouble: 'refused' }, { asked: 0, end: 'TransportError: GET /things: connection refused' }],
  ['is done, and its answer is cut', { trouble: 'lost answer' }, { asked: 1, end: 'TransportError: GET /things: socket hang up' }],
  ['vanishes', { trouble: 'silence' }, { asked: 0, end: 'nothing yet' }],
  ['is done in silence', { trouble: 'silence after' }, { asked: 1, end: 'nothing yet' }],
])('a request %s', async (_, fate, want) => {
  expect(await send(fate)).toEqual(want);
});

test('a refusal of the server comes with what it asks for', async () => {
  const { asked, end } = await send({ refusal: 429 });
  expect({ asked, end }).toEqual({ asked: 0, end: expect.stringMatching(/^429 .*TooManyRequests.* after 10 ms$/) as string });
});

test('a killed client gets no answer, whether or not its request arrives', async () => {
  const { end } = await send({}, (process, connections) => {
    process.kill();
    connections.abandon();
  });
  expect(end).toBe('nothing yet');
});
