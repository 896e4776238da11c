import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecdApp } from '../../../executor/execd/app';
import { ExecdListener } from '../../../executor/execd/listener';
import { hostSandbox } from '../../../executor/execd/sandbox';
import { ManualClock } from '../../support/manual-clock';
import { until } from '../../support/waiting';
import { ExecdClient } from './execd-client';

/** From its start to the warm-up, in ms. */
const WARM_UP_MS = 5_000;

const log = { info: () => undefined, error: () => undefined };
let clock: ManualClock;
let dataDir: string;
let loads: number;
/** What makes pipes ahead: they are there a moment later, when a look for those that should not be would have found none yet. */
let warmUp: jest.SpyInstance | undefined;
let listener: ExecdListener;
let client: ExecdClient;

beforeEach(async () => {
  clock = new ManualClock();
  dataDir = mkdtempSync(join(tmpdir(), 'execd-test-data-'));
  [loads, warmUp] = [0, undefined];
  const options = { sandbox: hostSandbox({ PATH: process.env['PATH'] ?? '' }, dataDir), clock, log, dataDir, scope: 'listener' };
  listener = new ExecdListener(options, () => {
    loads += 1;
    const app = new ExecdApp(options);
    warmUp = jest.spyOn(app, 'warmUp');
    return Promise.resolve(app);
  });
  client = new ExecdClient(`http://127.0.0.1:${await listener.listen({ host: '127.0.0.1', port: 0 })}`);
});

const warmUps = () => warmUp?.mock.calls.length ?? 0;

afterEach(async () => {
  await listener.close();
  expect(readdirSync(dataDir)).toEqual([]);
  rmSync(dataDir, { recursive: true });
});

/** Pipes that were made ahead. */
const pipes = () => readdirSync(dataDir).filter((name) => name.startsWith('.pipe-'));

test('what the first request needs is there some seconds after the start, and not before', async () => {
  await clock.advance(WARM_UP_MS - 1);
  expect(loads).toBe(0);
  await clock.advance(1);
  await until(() => expect(pipes()).toHaveLength(64));
  expect((await client.ask('GET', '/ping')).status).toBe(200);
  expect(loads).toBe(1);
});

test('a ping before that brings it itself, once, and the pipes of the first command are made then', async () => {
  expect((await client.ask('GET', '/ping')).status).toBe(200);
  await until(() => expect(pipes()).toHaveLength(64));
  expect([loads, warmUps()]).toEqual([1, 0]);
  await clock.advance(WARM_UP_MS);
  expect([loads, warmUps(), pipes().length]).toEqual([1, 1, 64]);
});

test('after a reset the pipes are made anew; during it, and after the end, nothing is', async () => {
  expect(await listener.end()).toBe(0);
  await clock.advance(WARM_UP_MS);
  expect([loads, warmUps()]).toEqual([1, 0]);
  await listener.open();
  expect(warmUps()).toBe(1);
  await until(() => expect(pipes()).toHaveLength(64));
  await listener.close();
  expect(clock.timerCount).toBe(0);
});

test.each<[string, () => Promise<unknown>]>([
  ['just before that begins', () => Promise.all([listener.open(), listener.close()])],
  ['just after that has begun', () => Promise.all([listener.close(), listener.open()])],
  ['after that', () => listener.close().then(() => listener.open())],
])('a reset that ends when the executor does makes nothing any more: %s', async (_title, finish) => {
  await clock.advance(WARM_UP_MS);
  await until(() => expect(pipes()).toHaveLength(64));
  await listener.end();
  await finish();
  expect([loads, warmUps(), pipes()]).toEqual([1, 1, []]);
});
