import { until } from '../../support/waiting';
import { list, silence, watch } from '../../support/fake-api';
import { ManualClock } from '../../support/manual-clock';
import { bookmark, event, pod, ReflectorHarness, shows } from './reflector-harness';

let harness: ReflectorHarness;

beforeEach(async () => {
  harness = await ReflectorHarness.create();
});
afterEach(() => harness.destroy());

test('leaves a half-open watch after three silent minutes and resumes', async () => {
  const manual = new ManualClock();
  harness.script([list([], '5')], [silence, watch([event('ADDED', 'a', '6')])]);
  const informer = harness.start({ clock: manual });
  await until(() => expect(harness.calls()).toEqual(['list 0', 'watch 5']));
  await manual.advance(179_000);
  expect(informer.ageMs()).toBe(179_000);
  expect(harness.calls()).toHaveLength(2);
  await manual.advance(61_000);
  await shows(informer, { a: '6' });
  expect(harness.calls()).toEqual(['list 0', 'watch 5', 'watch 5']);
  expect(informer.ageMs()).toBeLessThan(1_000);
});

test('keeps a quiet watch alive on bookmarks', async () => {
  const manual = new ManualClock();
  let tick: () => void = () => undefined;
  harness.script(
    [list([], '5')],
    [
      (_request, response) => {
        response.writeHead(200).flushHeaders();
        let n = 5;
        tick = () => response.write(`${JSON.stringify(bookmark(String((n += 1))))}\n`);
      },
    ],
  );
  const informer = harness.start({ clock: manual });
  await until(() => expect(harness.calls()).toHaveLength(2));
  for (let minute = 0; minute < 30; minute++) {
    await manual.advance(60_000);
    tick();
    await until(() => expect(informer.ageMs()).toBe(0));
  }
  expect(harness.calls()).toHaveLength(2);
});

test('lists once in ten minutes, however well the watch works', async () => {
  const manual = new ManualClock();
  let end: () => void = () => undefined;
  harness.script(
    [list([], '5'), list([pod('missed', '7')], '9')],
    [
      (request, response) => {
        watch([])(request, response);
        end = () => response.end();
      },
    ],
  );
  const informer = harness.start({ clock: manual });
  await until(() => expect(harness.calls()).toHaveLength(2));
  await manual.advance(170_000);
  end();
  await until(() => expect(harness.calls()).toEqual(['list 0', 'watch 5', 'watch 5']));
  await manual.advance(170_000);
  end();
  await until(() => expect(harness.calls()).toHaveLength(4));
  expect(harness.fake.requests[3]?.query.get('timeoutSeconds')).toBe('260');
  await manual.advance(170_000);
  end();
  await until(() => expect(harness.calls()).toHaveLength(5));
  await manual.advance(95_000);
  end();
  await shows(informer, { missed: '7' });
  expect(harness.calls()[5]).toBe('list now');
});

test('lists more often when it is told to, and forgets an own create that no watch has shown (R117)', async () => {
  const manual = new ManualClock();
  let end: () => void = () => undefined;
  harness.script(
    [list([], '5'), list([], '9')],
    [
      (request, response) => {
        watch([])(request, response);
        end = () => response.end();
      },
    ],
  );
  const informer = harness.start({ relistMs: 60_000, clock: manual });
  await until(() => expect(harness.calls()).toHaveLength(2));
  expect(harness.fake.requests[1]?.query.get('timeoutSeconds')).toBe('60');
  await informer.cache.write('ns/vanished', () => Promise.resolve(pod('vanished', '6')));
  await shows(informer, { vanished: '6' });
  await manual.advance(60_000);
  end();
  await shows(informer, {});
});
