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
let listener: ExecdListener;
let client: ExecdClient;

beforeEach(async () => {
  clock = new ManualClock();
  dataDir = mkdtempSync(join(tmpdir(), 'execd-test-data-'));
  loads = 0;
  const options = { sandbox: hostSandbox({ PATH: process.env['PATH'] ?? '' }, dataDir), clock, log, dataDir, scope: 'listener' };
  listener = new ExecdListener(options, () => {
    loads += 1;
    return Promise.resolve(new ExecdApp(options));
  });
  client = new ExecdClient(`http://127.0.0.1:${await listener.listen({ host: '127.0.0.1', port: 0 })}`);
});

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

test('a request before that brings it itself, once', async () => {
  expect((await client.ask('GET', '/ping')).status).toBe(200);
  await clock.advance(WARM_UP_MS);
  await until(() => expect(pipes()).toHaveLength(64));
  expect(loads).toBe(1);
});

test('after a reset the pipes are made anew; during it, and after the end, nothing is', async () => {
  expect(await listener.end()).toBe(0);
  await clock.advance(WARM_UP_MS);
  expect(pipes()).toEqual([]);
  await listener.open();
  await until(() => expect(pipes()).toHaveLength(64));
  await listener.close();
  expect(clock.timerCount).toBe(0);
});
