import { KubeApi } from '../../../operator/kube/api';
import { fixedConnection } from '../../../operator/kube/connection';
import { Informer } from '../../../operator/kube/informer';
import { PODS } from '../../../operator/kube/resource-types';
import { Transport } from '../../../operator/kube/transport';
import { systemClock } from '../../../src/program/clock';
import type { Pod } from '../../../src/schema/kubernetes';
import { createLogger } from '../../../src/program/log';
import { until } from '../../support/waiting';
import { type Answer, breakConnection, FakeApi, list, refuse, silence, watch } from '../../support/fake-api';
import { deepFreeze } from '../../support/freeze';
import { ManualClock } from '../../support/manual-clock';

const pod = (name: string, resourceVersion: string, namespace = 'ns') => ({ metadata: { namespace, name, uid: `uid-${name}`, resourceVersion } });
const event = (type: string, name: string, version: string) => ({ type, object: pod(name, version) });
const bookmark = (resourceVersion: string) => ({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } });
const expired = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' } };

/** Answers lists and watches from a script each; the last answer of each serves all later ones. */
function script(fake: FakeApi, lists: readonly Answer[], watches: readonly Answer[]): void {
  const left = { list: [...lists], watch: [...watches] };
  fake.always((request, response) => {
    const answers = request.query.has('watch') ? left.watch : left.list;
    const next = answers.length > 1 ? answers.shift() : answers[0];
    next?.(request, response);
  });
}

describe('Reflector', () => {
  let fake: FakeApi;
  let transport: Transport;
  let stop: AbortController;
  let running: Promise<void>[];
  let clock: ManualClock | typeof systemClock;

  beforeEach(async () => {
    fake = await FakeApi.start();
    transport = new Transport({ connection: fixedConnection(fake.url), clock: systemClock });
    stop = new AbortController();
    running = [];
    clock = systemClock;
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(running);
    await transport.destroy();
    await fake.stop();
  });

  const start = (namespaces: readonly string[] = [], relistMs?: number) => {
    const log = createLogger('test', 'error', { write: () => undefined });
    const informer = new Informer<Pod>({ api: new KubeApi({ transport }), type: PODS, namespaces, clock, log, random: () => 0, trim: deepFreeze, relistMs });
    running.push(informer.run(stop.signal));
    return informer;
  };
  const versions = (informer: Informer<Pod>) =>
    Object.fromEntries([...informer.cache.values()].map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
  const shows = (informer: Informer<Pod>, want: Record<string, string>) => until(() => expect(versions(informer)).toEqual(want));
  /** `list <version asked>` and `watch <version from>` of all requests. */
  const calls = () =>
    fake.requests.map(({ query }) => (query.has('watch') ? `watch ${query.get('resourceVersion')}` : `list ${query.get('resourceVersion') ?? 'now'}`));

  test('lists from memory, then watches from there with bookmarks and a time limit', async () => {
    script(fake, [list([pod('a', '1')], '5')], [watch([event('MODIFIED', 'a', '6'), event('ADDED', 'b', '7'), event('DELETED', 'a', '8')])]);
    const informer = start();
    await informer.synced;
    await shows(informer, { b: '7' });
    expect(calls()).toEqual(['list 0', 'watch 5']);
    expect(fake.requests[0]?.query.get('limit')).toBe('500');
    expect(fake.requests[1]?.query.get('allowWatchBookmarks')).toBe('true');
    expect(Number(fake.requests[1]?.query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
  });

  test('stores a list only when all its pages are there', async () => {
    script(
      fake,
      [
        list([pod('a', '1')], '5', 'page2'),
        (request, response) => {
          expect([request.query.get('continue'), request.query.get('resourceVersion')]).toEqual(['page2', null]);
          list([pod('b', '2')], '5')(request, response);
        },
      ],
      [watch([])],
    );
    const informer = start();
    const sizes: number[] = [];
    informer.cache.onChange(() => sizes.push(informer.cache.size));
    await informer.synced;
    expect(sizes).toEqual([2, 2]);
  });

  test('begins a list again, in one piece, when its token has expired', async () => {
    script(fake, [list([pod('old', '1')], '5', 'page2'), refuse(410, 'Expired'), list([pod('a', '6'), pod('b', '7')], '9')], [watch([])]);
    const informer = start();
    await informer.synced;
    expect(versions(informer)).toEqual({ a: '6', b: '7' });
    expect(fake.requests.filter(({ query }) => !query.has('watch')).map(({ query }) => query.get('limit'))).toEqual(['500', '500', null]);
  });

  test('understands lines that come in pieces, also inside a character', async () => {
    const line = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: { ...pod('a', '6'), status: { message: 'größer ✓' } } })}\n`);
    script(
      fake,
      [list([], '5')],
      [
        (_request, response) => {
          response.writeHead(200).flushHeaders();
          const sendByte = (i: number) => {
            if (i < line.length) response.write(line.subarray(i, i + 1), () => setImmediate(() => sendByte(i + 1)));
          };
          sendByte(0);
        },
      ],
    );
    const informer = start();
    await shows(informer, { a: '6' });
    expect(informer.cache.get('ns/a')?.status?.message).toBe('größer ✓');
  });

  test.each<[string, Answer]>([
    ['a 429 on a list', refuse(429, 'TooManyRequests', { 'retry-after': '0' })],
    ['a 500 on a list', refuse(500, 'InternalError')],
    ['a broken connection on a list', breakConnection],
  ])('gets over %s', async (_title, failure) => {
    script(fake, [failure, failure, list([pod('a', '1')], '5')], [watch([])]);
    await shows(start(), { a: '1' });
  });

  test.each<[string, Answer]>([
    ['a 429', refuse(429, 'TooManyRequests')],
    ['a 500', refuse(500, 'InternalError')],
    ['no answer at all', breakConnection],
    ['an end at once', watch([], 'end')],
  ])('keeps what it has when a watch meets %s, and resumes without a list', async (_title, failure) => {
    script(fake, [list([pod('a', '1')], '5')], [failure, failure, watch([event('ADDED', 'b', '6')])]);
    const informer = start();
    await shows(informer, { a: '1', b: '6' });
    expect(calls()).toEqual(['list 0', 'watch 5', 'watch 5', 'watch 5']);
  });

  test('resumes from the last event or bookmark after a cut in the middle of a line', async () => {
    script(
      fake,
      [list([pod('a', '1')], '5')],
      [
        watch([event('MODIFIED', 'a', '6'), bookmark('9'), '{"type":"MODIFIED","obj'], 'break'),
        watch([event('MODIFIED', 'a', '10')]),
      ],
    );
    const informer = start();
    await shows(informer, { a: '10' });
    expect(calls()).toEqual(['list 0', 'watch 5', 'watch 9']);
  });

  test('lists at once when a server that was away says that the version has expired', async () => {
    const manual = new ManualClock();
    clock = manual;
    const away = Array.from({ length: 8 }, () => breakConnection);
    script(fake, [list([pod('a', '1')], '5'), list([pod('a', '9')], '9')], [...away, watch([expired], 'end'), watch([])]);
    const informer = start();
    await until(async () => {
      await manual.advance(calls().length < away.length + 2 ? 1_000 : 0);
      expect(calls().length).toBeGreaterThanOrEqual(away.length + 2);
    });
    // No time passes from here on.
    await until(async () => {
      await manual.advance(0);
      expect(versions(informer)).toEqual({ a: '9' });
    });
  });

  test.each<[string, Answer]>([
    ['as a status', refuse(410, 'Gone')],
    ['as an event', watch([expired], 'end')],
  ])('lists the state of now after a 410 %s', async (_title, gone) => {
    script(fake, [list([pod('a', '1'), pod('b', '2')], '5'), list([pod('b', '8')], '9')], [gone, watch([])]);
    const informer = start();
    await shows(informer, { b: '8' });
    await until(() => expect(calls()).toEqual(['list 0', 'watch 5', 'list now', 'watch 9']));
  });

  test('lists anew when a line stays unreadable', async () => {
    script(fake, [list([], '5'), list([pod('a', '8')], '9')], [watch(['no json\n']), watch(['{"type":"ADDED","object":{}}\n']), watch([])]);
    await shows(start(), { a: '8' });
    await until(() => expect(calls()).toEqual(['list 0', 'watch 5', 'watch 5', 'list now', 'watch 9']));
  });

  test('leaves a half-open watch after three silent minutes and resumes', async () => {
    const manual = new ManualClock();
    clock = manual;
    script(fake, [list([], '5')], [silence, watch([event('ADDED', 'a', '6')])]);
    const informer = start();
    await until(() => expect(calls()).toEqual(['list 0', 'watch 5']));
    await manual.advance(179_000);
    expect(informer.ageMs()).toBe(179_000);
    expect(calls()).toHaveLength(2);
    await manual.advance(61_000);
    await shows(informer, { a: '6' });
    expect(calls()).toEqual(['list 0', 'watch 5', 'watch 5']);
    expect(informer.ageMs()).toBeLessThan(1_000);
  });

  test('keeps a quiet watch alive on bookmarks', async () => {
    const manual = new ManualClock();
    clock = manual;
    let tick: () => void = () => undefined;
    script(
      fake,
      [list([], '5')],
      [
        (_request, response) => {
          response.writeHead(200).flushHeaders();
          let n = 5;
          tick = () => response.write(`${JSON.stringify(bookmark(String((n += 1))))}\n`);
        },
      ],
    );
    const informer = start();
    await until(() => expect(calls()).toHaveLength(2));
    for (let minute = 0; minute < 30; minute++) {
      await manual.advance(60_000);
      tick();
      await until(() => expect(informer.ageMs()).toBe(0));
    }
    expect(calls()).toHaveLength(2);
  });

  test('lists once in ten minutes, however well the watch works', async () => {
    const manual = new ManualClock();
    clock = manual;
    let end: () => void = () => undefined;
    script(
      fake,
      [list([], '5'), list([pod('missed', '7')], '9')],
      [
        (request, response) => {
          watch([])(request, response);
          end = () => response.end();
        },
      ],
    );
    const informer = start();
    await until(() => expect(calls()).toHaveLength(2));
    await manual.advance(170_000);
    end();
    await until(() => expect(calls()).toEqual(['list 0', 'watch 5', 'watch 5']));
    await manual.advance(170_000);
    end();
    await until(() => expect(calls()).toHaveLength(4));
    expect(fake.requests[3]?.query.get('timeoutSeconds')).toBe('260');
    await manual.advance(170_000);
    end();
    await until(() => expect(calls()).toHaveLength(5));
    await manual.advance(95_000);
    end();
    await shows(informer, { missed: '7' });
    expect(calls()[5]).toBe('list now');
  });

  test('lists more often when it is told to, and forgets an own create that no watch has shown (R117)', async () => {
    const manual = new ManualClock();
    clock = manual;
    let end: () => void = () => undefined;
    script(
      fake,
      [list([], '5'), list([], '9')],
      [
        (request, response) => {
          watch([])(request, response);
          end = () => response.end();
        },
      ],
    );
    const informer = start([], 60_000);
    await until(() => expect(calls()).toHaveLength(2));
    expect(fake.requests[1]?.query.get('timeoutSeconds')).toBe('60');
    await informer.cache.write('ns/vanished', () => Promise.resolve(pod('vanished', '6')));
    await shows(informer, { vanished: '6' });
    await manual.advance(60_000);
    end();
    await shows(informer, {});
  });

  test('lists the state of now when asked, also in the middle of a list', async () => {
    let answerSlowly: () => void = () => undefined;
    script(
      fake,
      [
        list([], '5'),
        (request, response) => {
          answerSlowly = () => list([pod('a', '6')], '6')(request, response);
        },
        list([pod('a', '7')], '7'),
      ],
      [watch([])],
    );
    const informer = start();
    await informer.synced;
    const first = informer.relist();
    await until(() => expect(calls().at(-1)).toBe('list now'));
    let secondDone = false;
    const second = informer.relist().then(() => (secondDone = true));
    answerSlowly();
    await first;
    expect(secondDone).toBe(false);
    await second;
    expect(versions(informer)).toEqual({ a: '7' });
  });

  test('is synced when every namespace has been listed, each by itself', async () => {
    fake.always((request, response) => {
      if (request.query.has('watch')) watch([])(request, response);
      else list([pod('a', '1', request.path.split('/')[4])], '5')(request, response);
    });
    const informer = start(['x', 'y']);
    await informer.synced;
    expect(informer.cache.get('x/a')).toBeDefined();
    expect(informer.cache.get('y/a')).toBeDefined();
  });

  test('ends with its signal, whatever it waits for', async () => {
    script(fake, [refuse(403, 'Forbidden')], [watch([])]);
    start();
    await until(() => expect(fake.requests.length).toBeGreaterThan(0));
    stop.abort();
    await Promise.all(running);
  });
});
