import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { runReadinessProbe, runStartupProbe, toProbes } from '../../../local/nodes/probes';
import type { Container } from '../../../src/schema/kubernetes';
import { ManualClock } from '../../support/manual-clock';
import { until } from '../../support/waiting';

const SPEC = { argv: ['sleep', '1'], cwd: '/', env: { PATH: process.env.PATH ?? '', ANSWER: '0' } };
const probesOf = (container: Partial<Container>) => toProbes({ name: 'c', ...container }, '127.0.0.1', SPEC, 30_000);
const probeOf = (readinessProbe: object, more: Partial<Container> = {}) => probesOf({ readinessProbe, ...more }).readiness;
const signal = new AbortController().signal;

test.each([
  ['none', {}],
  ['an unknown kind', { readinessProbe: { grpc: { port: 1 } } }],
])('a container with a probe of %s has no probe', (_title, container) => {
  expect(probesOf(container)).toEqual({});
});

test.each([
  ['of its pod', {}, 30_000],
  ['that it names itself', { terminationGracePeriodSeconds: 0 }, 0],
])('a startup probe that fails gives the time to end %s', (_title, more, graceMs) => {
  expect(probesOf({ startupProbe: { tcpSocket: { port: 1 }, ...more } }).startup).toMatchObject({ graceMs });
});

describe('a startup probe', () => {
  /** Runs a probe with a period of 1 s and a threshold of 3 whose first success is the `passesAtMs`th ms; tells what it found, and when. */
  async function run(passesAtMs: number, more: object = {}) {
    const clock = new ManualClock();
    const [probe] = Object.values(probesOf({ startupProbe: { tcpSocket: { port: 1 }, periodSeconds: 1, ...more } }));
    const check = () => Promise.resolve(clock.monotonicMs() >= passesAtMs);
    const found = runStartupProbe({ ...probe, check }, clock, signal).then((started) => ({ started, atMs: clock.monotonicMs() }));
    await clock.advance(100_000);
    return found;
  }

  test.each([
    ['passes as soon as the container answers', 120, {}, { started: true, atMs: 150 }],
    ['passes up to the last probe', 1_990, {}, { started: true, atMs: 2_000 }],
    ['fails with the third probe, however often it looked between them', Infinity, {}, { started: false, atMs: 2_000 }],
    ['fails with the first probe when one is enough', Infinity, { failureThreshold: 1 }, { started: false, atMs: 0 }],
    ['begins after the initial delay', 0, { initialDelaySeconds: 7 }, { started: true, atMs: 7_000 }],
  ])('%s', async (_title, passesAtMs, more, want) => {
    expect(await run(passesAtMs, more)).toEqual(want);
  });
});

test.each([
  ['passes when the command ends with 0', 'exit $ANSWER', true],
  ['does not pass on another exit code', 'exit 1', false],
])('exec %s', async (_title, script, want) => {
  await expect(probeOf({ exec: { command: ['sh', '-c', script] } })?.check(signal)).resolves.toBe(want);
});

describe('a server', () => {
  let status = 200;
  const server = createServer((_request, response) => response.writeHead(status).end());
  let port: number;
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  test.each([
    [200, true],
    [399, true],
    [400, false],
    [503, false],
  ])('HTTP status %i: ready is %s', async (answer, want) => {
    status = answer;
    await expect(probeOf({ httpGet: { port } })?.check(signal)).resolves.toBe(want);
  });

  test('is found by the name of its port', async () => {
    status = 200;
    await expect(probeOf({ httpGet: { port: 'web' } }, { ports: [{ name: 'web', containerPort: port }] })?.check(signal)).resolves.toBe(true);
    await expect(probeOf({ tcpSocket: { port } })?.check(signal)).resolves.toBe(true);
  });

  test('readiness comes with the first success, goes after failures in a row, and comes back', async () => {
    status = 503;
    const clock = new ManualClock();
    const stop = new AbortController();
    const probe = probeOf({ httpGet: { port }, periodSeconds: 10, failureThreshold: 2 });
    if (probe === undefined) throw new Error('expected a probe');
    const changes: boolean[] = [];
    const ended = runReadinessProbe(probe, clock, 0, (ready) => changes.push(ready), stop.signal);
    const nextWait = () => until(() => expect(clock.timerCount).toBe(1));
    await nextWait();
    status = 200;
    await clock.advance(50);
    await nextWait();
    expect(changes).toEqual([true]);
    status = 503;
    await clock.advance(10_000);
    await nextWait();
    expect(changes).toEqual([true]);
    await clock.advance(10_000);
    await nextWait();
    expect(changes).toEqual([true, false]);
    status = 200;
    await clock.advance(10_000);
    await nextWait();
    expect(changes).toEqual([true, false, true]);
    stop.abort();
    await ended;
  });
});
