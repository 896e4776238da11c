import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecdApp } from '../../../executor/execd/app';
import { ExecdListener } from '../../../executor/execd/listener';
import { Refusal } from '../../../executor/execd/refusal';
import { hostSandbox, type Sandbox } from '../../../executor/execd/sandbox';
import { ManualClock } from '../../support/manual-clock';
import { until } from '../../support/waiting';
import { ExecdClient } from './execd-client';

/** From its start to the warm-up, in ms. */
const WARM_UP_MS = 5_000;
/** Pipes that are made ahead at a time. */
const STOCK = 64;
/** Pipes of the stock that the rehearsal takes: two commands, of two each. */
const REHEARSED = 4;

const log = { info: () => undefined, error: () => undefined };
let clock: ManualClock;
let dataDir: string;
let loads: number;
/** What makes pipes ahead: they are there a moment later, when a look for those that should not be would have found none yet. */
let warmUp: jest.SpyInstance | undefined;
/** What answers requests, those of the rehearsal among them. */
const handle = jest.spyOn(ExecdApp.prototype, 'handle');
let listener: ExecdListener;
let client: ExecdClient;

async function start(sandbox: Sandbox = hostSandbox({ PATH: process.env['PATH'] ?? '' }, dataDir)): Promise<void> {
  [loads, warmUp] = [0, undefined];
  const options = { sandbox, clock, log, dataDir, scope: 'listener', accessTokens: ['secret'] };
  listener = new ExecdListener(options, () => {
    loads += 1;
    const app = new ExecdApp(options);
    warmUp = jest.spyOn(app, 'warmUp');
    return Promise.resolve(app);
  });
  client = new ExecdClient(`http://127.0.0.1:${await listener.listen({ host: '127.0.0.1', port: 0 })}`);
}

beforeEach(async () => {
  clock = new ManualClock();
  dataDir = mkdtempSync(join(tmpdir(), 'execd-test-data-'));
  handle.mockClear();
  await start();
});

const warmUps = () => warmUp?.mock.calls.length ?? 0;

afterEach(async () => {
  await listener.close();
  expect(readdirSync(dataDir)).toEqual([]);
  rmSync(dataDir, { recursive: true });
});

/** Pipes that were made ahead. */
const pipes = () => readdirSync(dataDir).filter((name) => name.startsWith('.pipe-'));
/** Waits until the warm-up has left what it leaves: pipes, of which the rehearsal has taken some, and nothing else. */
const untilRehearsed = () => until(() => expect([pipes().length, readdirSync(dataDir).length]).toEqual([STOCK - REHEARSED, STOCK - REHEARSED]));
const ping = () => client.ask('GET', '/ping', undefined, { headers: { 'x-execd-access-token': 'secret' } });

test('what the first request needs is there some seconds after the start, and not before', async () => {
  await clock.advance(WARM_UP_MS - 1);
  expect(loads).toBe(0);
  await clock.advance(1);
  await untilRehearsed();
  expect(handle).toHaveBeenCalledTimes(2);
  expect((await ping()).status).toBe(200);
  expect(loads).toBe(1);
});

test('a ping before that brings it itself, once, and the pipes of the first command are made then', async () => {
  expect((await ping()).status).toBe(200);
  await until(() => expect(pipes()).toHaveLength(STOCK));
  expect([loads, warmUps()]).toEqual([1, 0]);
  await clock.advance(WARM_UP_MS);
  await untilRehearsed();
  expect([loads, warmUps()]).toEqual([1, 1]);
});

test('nothing is rehearsed for a sandbox that is not there, and all else is made ready', async () => {
  await listener.close();
  await start({
    open: () => {
      throw new Refusal(503, 'RUNTIME_ERROR', 'sandbox: expected one, got none');
    },
  });
  await clock.advance(WARM_UP_MS);
  await until(() => expect(pipes()).toHaveLength(STOCK));
  expect((await ping()).status).toBe(503);
  expect(handle).toHaveBeenCalledTimes(1);
});

test.each<[string, () => Promise<unknown>]>([
  ['a reset', () => listener.end()],
  ['the end of the executor', () => listener.close()],
])('a rehearsal under way ends with %s', async (_title, finish) => {
  await clock.advance(WARM_UP_MS);
  await until(() => expect(readdirSync(dataDir).some((name) => name.startsWith('.rehearsal-'))).toBe(true));
  await finish();
  expect(readdirSync(dataDir)).toEqual([]);
});

test('after a reset the pipes are made anew; during it, and after the end, nothing is', async () => {
  expect(await listener.end()).toBe(0);
  await clock.advance(WARM_UP_MS);
  expect([loads, warmUps()]).toEqual([1, 0]);
  await listener.open();
  expect(warmUps()).toBe(1);
  await until(() => expect(pipes()).toHaveLength(STOCK));
  await listener.close();
  expect(clock.timerCount).toBe(0);
});

test.each<[string, () => Promise<unknown>]>([
  ['just before that begins', () => Promise.all([listener.open(), listener.close()])],
  ['just after that has begun', () => Promise.all([listener.close(), listener.open()])],
  ['after that', () => listener.close().then(() => listener.open())],
])('a reset that ends when the executor does makes nothing any more: %s', async (_title, finish) => {
  await clock.advance(WARM_UP_MS);
  await untilRehearsed();
  await listener.end();
  await finish();
  expect([loads, warmUps(), pipes()]).toEqual([1, 1, []]);
});
