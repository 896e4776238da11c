import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ExecdApp } from '../../../executor/execd/app';
import { ExecdListener } from '../../../executor/execd/listener';
import { type CommandOrder, hostSandbox, type Sandbox } from '../../../executor/execd/sandbox';
import { EnvVar } from '../../../src/schema/names';
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
let rehearsal: jest.SpyInstance<Promise<void>, [AbortSignal]> | undefined;
/** What answers requests, those of the rehearsal among them. */
const handle = jest.spyOn(ExecdApp.prototype, 'handle');
let listener: ExecdListener;
let client: ExecdClient;

/** @param stageOf where the first command is rehearsed, made of the executor's own place */
async function start(stageOf: (own: Sandbox) => Sandbox = (own) => own): Promise<void> {
  [loads, warmUp, rehearsal] = [0, undefined, undefined];
  const own = hostSandbox({ PATH: process.env['PATH'] ?? '' }, dataDir);
  const options = { sandbox: own, stage: stageOf(own), clock, log, dataDir, scope: 'listener', accessTokens: ['secret'], execdEnvs: variables };
  listener = new ExecdListener(options, () => {
    loads += 1;
    const app = new ExecdApp(options);
    warmUp = jest.spyOn(app, 'warmUp');
    rehearsal = jest.spyOn(app, 'rehearse');
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

/** A file of variables that the sandbox may have written. */
const variables = join(mkdtempSync(join(tmpdir(), 'execd-test-variables-')), 'env');
beforeAll(() => writeFileSync(variables, 'PATH=/nowhere\n'));
afterAll(() => rmSync(dirname(variables), { recursive: true }));

/** The same place, where what is started is changed. */
const changed = (place: Sandbox, change: (order: CommandOrder) => CommandOrder): Sandbox => ({
  open: () => {
    const opened = place.open();
    return { ...opened, spawn: (order, ...rest) => opened.spawn(change(order), ...rest) };
  },
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
const AUTHORIZED = { headers: { 'x-execd-access-token': 'secret' } };
const ping = () => client.ask('GET', '/ping', undefined, AUTHORIZED);
/** Command line of a process; empty when it has gone. */
const commandOf = (pid: string) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
};

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

test('the rehearsal has nothing of the sandbox, and starts what is there wherever pipes are made', async () => {
  await listener.close();
  const orders: CommandOrder[] = [];
  await start((own) => changed(own, (order) => (orders.push(order), order)));
  await clock.advance(WARM_UP_MS);
  await untilRehearsed();
  expect(orders.map(({ argv, env, user }) => ({ argv, names: Object.keys(env), user }))).toEqual(Array(2).fill({ argv: ['mkfifo', '--help'], names: [EnvVar.taskId], user: undefined }));
});

test('what has been used by then is not rehearsed', async () => {
  expect((await client.ask('GET', '/command/status/none', undefined, AUTHORIZED)).status).toBe(404);
  await clock.advance(WARM_UP_MS);
  await until(() => expect(rehearsal).toHaveBeenCalledTimes(1));
  await rehearsal?.mock.results[0]?.value;
  expect(handle).toHaveBeenCalledTimes(1);
});

test.each<[string, () => Promise<unknown>]>([
  ['a reset', () => listener.end()],
  ['the end of the executor', () => listener.close()],
])('a rehearsal under way ends with %s, and what it has started too', async (_title, finish) => {
  await listener.close();
  const sleep = ['sleep', String(1_000_000 + process.pid)];
  await start((own) => changed(own, (order) => ({ ...order, argv: sleep })));
  await clock.advance(WARM_UP_MS);
  const sleeping = () => readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && commandOf(pid) === `${sleep.join('\0')}\0`);
  await until(() => expect(sleeping()).toBe(true));
  await finish();
  expect([sleeping(), readdirSync(dataDir)]).toEqual([false, []]);
  await rehearsal?.mock.results[0]?.value.catch(() => undefined);
  expect(handle).toHaveBeenCalledTimes(1);
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
