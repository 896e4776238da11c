import { until } from '../../support/waiting';
import { type Answer, breakConnection, list, refuse, watch } from '../../support/fake-api';
import { ManualClock, untilWith } from '../../support/manual-clock';
import { bookmark, event, pod, ReflectorHarness, shows, versions } from './reflector-harness';

let harness: ReflectorHarness;

beforeEach(async () => {
  harness = await ReflectorHarness.create();
});
afterEach(() => harness.destroy());

const expired = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' } };

test('lists from memory, then watches from there with bookmarks and a time limit', async () => {
  harness.script([list([pod('a', '1')], '5')], [watch([event('MODIFIED', 'a', '6'), event('ADDED', 'b', '7'), event('DELETED', 'a', '8')])]);
  const informer = harness.start();
  await informer.synced;
  await shows(informer, { b: '7' });
  expect(harness.calls()).toEqual(['list 0', 'watch 5']);
  expect(harness.fake.requests[0]?.query.get('limit')).toBe('500');
  expect(harness.fake.requests[1]?.query.get('allowWatchBookmarks')).toBe('true');
  expect(Number(harness.fake.requests[1]?.query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
});

test('stores a list only when all its pages are there', async () => {
  harness.script(
    [
      list([pod('a', '1')], '5', 'page2'),
      (request, response) => {
        expect([request.query.get('continue'), request.query.get('resourceVersion')]).toEqual(['page2', null]);
        list([pod('b', '2')], '5')(request, response);
      },
    ],
    [watch([])],
  );
  const informer = harness.start();
  const sizes: number[] = [];
  informer.cache.onChange(() => sizes.push(informer.cache.size));
  await informer.synced;
  expect(sizes).toEqual([2, 2]);
});

test('begins a list again, in one piece, when its token has expired', async () => {
  harness.script([list([pod('old', '1')], '5', 'page2'), refuse(410, 'Expired'), list([pod('a', '6'), pod('b', '7')], '9')], [watch([])]);
  const informer = harness.start();
  await informer.synced;
  expect(versions(informer)).toEqual({ a: '6', b: '7' });
  expect(harness.fake.requests.filter(({ query }) => !query.has('watch')).map(({ query }) => query.get('limit'))).toEqual(['500', '500', null]);
});

test('understands lines that come in pieces, also inside a character', async () => {
  const line = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: { ...pod('a', '6'), status: { message: 'größer ✓' } } })}\n`);
  harness.script(
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
  const informer = harness.start();
  await shows(informer, { a: '6' });
  expect(informer.cache.get('ns/a')?.status?.message).toBe('größer ✓');
});

test.each<[string, Answer]>([
  ['a 429 on a list', refuse(429, 'TooManyRequests', { 'retry-after': '0' })],
  ['a 500 on a list', refuse(500, 'InternalError')],
  ['a broken connection on a list', breakConnection],
])('gets over %s', async (_title, failure) => {
  harness.script([failure, failure, list([pod('a', '1')], '5')], [watch([])]);
  await shows(harness.start(), { a: '1' });
});

test.each<[string, Answer]>([
  ['a 429', refuse(429, 'TooManyRequests')],
  ['a 500', refuse(500, 'InternalError')],
  ['no answer at all', breakConnection],
  ['an end at once', watch([], 'end')],
])('keeps what it has when a watch meets %s, and resumes without a list', async (_title, failure) => {
  harness.script([list([pod('a', '1')], '5')], [failure, failure, watch([event('ADDED', 'b', '6')])]);
  const informer = harness.start();
  await shows(informer, { a: '1', b: '6' });
  expect(harness.calls()).toEqual(['list 0', 'watch 5', 'watch 5', 'watch 5']);
});

test('resumes from the last event or bookmark after a cut in the middle of a line', async () => {
  harness.script(
    [list([pod('a', '1')], '5')],
    [
      watch([event('MODIFIED', 'a', '6'), bookmark('9'), '{"type":"MODIFIED","obj'], 'break'),
      watch([event('MODIFIED', 'a', '10')]),
    ],
  );
  const informer = harness.start();
  await shows(informer, { a: '10' });
  expect(harness.calls()).toEqual(['list 0', 'watch 5', 'watch 9']);
});

test('lists at once when a server that was away says that the version has expired', async () => {
  const manual = new ManualClock();
  const away = Array.from({ length: 8 }, () => breakConnection);
  harness.script([list([pod('a', '1')], '5'), list([pod('a', '9')], '9')], [...away, watch([expired], 'end'), watch([])]);
  const informer = harness.start({ clock: manual });
  const came = () => harness.calls().length >= away.length + 2;
  await untilWith(
    manual,
    async () => {
      if (!came()) await manual.advance(1_000);
      expect(came()).toBe(true);
    },
    0,
  );
  // No time passes from here on.
  await untilWith(manual, () => expect(versions(informer)).toEqual({ a: '9' }), 0);
});

test.each<[string, Answer]>([
  ['as a status', refuse(410, 'Gone')],
  ['as an event', watch([expired], 'end')],
])('lists the state of now after a 410 %s', async (_title, gone) => {
  harness.script([list([pod('a', '1'), pod('b', '2')], '5'), list([pod('b', '8')], '9')], [gone, watch([])]);
  const informer = harness.start();
  await shows(informer, { b: '8' });
  await until(() => expect(harness.calls()).toEqual(['list 0', 'watch 5', 'list now', 'watch 9']));
});

test('lists anew when a line stays unreadable', async () => {
  harness.script([list([], '5'), list([pod('a', '8')], '9')], [watch(['no json\n']), watch(['{"type":"ADDED","object":{}}\n']), watch([])]);
  await shows(harness.start(), { a: '8' });
  await until(() => expect(harness.calls()).toEqual(['list 0', 'watch 5', 'watch 5', 'list now', 'watch 9']));
});

test('lists the state of now when asked, also in the middle of a list', async () => {
  let answerSlowly: () => void = () => undefined;
  harness.script(
    [
      list([], '5'),
      (request, response) => {
        answerSlowly = () => list([pod('a', '6')], '6')(request, response);
      },
      list([pod('a', '7')], '7'),
    ],
    [watch([])],
  );
  const informer = harness.start();
  await informer.synced;
  const first = informer.relist();
  await until(() => expect(harness.calls().at(-1)).toBe('list now'));
  let secondDone = false;
  const second = informer.relist().then(() => (secondDone = true));
  answerSlowly();
  await first;
  expect(secondDone).toBe(false);
  await second;
  expect(versions(informer)).toEqual({ a: '7' });
});

test('is synced when every namespace has been listed, each by itself', async () => {
  harness.fake.always((request, response) => {
    if (request.query.has('watch')) watch([])(request, response);
    else list([pod('a', '1', request.path.split('/')[4])], '5')(request, response);
  });
  const informer = harness.start({ namespaces: ['x', 'y'] });
  await informer.synced;
  expect(informer.cache.get('x/a')).toBeDefined();
  expect(informer.cache.get('y/a')).toBeDefined();
});

test('ends with its signal, whatever it waits for', async () => {
  harness.script([refuse(403, 'Forbidden')], [watch([])]);
  harness.start();
  await until(() => expect(harness.fake.requests.length).toBeGreaterThan(0));
  await harness.stop();
});
