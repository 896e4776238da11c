import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { type ExecutorAnswer, parseAnswer } from '../../../operator/tasks/executor-answer';

const odd = fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e300, '', 'a', '\u0000', '\ud800', [], {}, [null], { __proto__: null });
const nearlyTask = fc.record(
  {
    name: fc.oneof(fc.string(), odd),
    uid: fc.oneof(fc.string(), odd),
    processStatus: fc.oneof(fc.record({ waiting: odd, running: odd, terminated: fc.oneof(fc.record({ exitCode: fc.oneof(fc.integer(), odd), reason: odd, message: fc.oneof(fc.string({ maxLength: 400 }), odd) }, { requiredKeys: [] }), odd) }, { requiredKeys: [] }), odd),
    __proto__: odd,
    constructor: odd,
  },
  { requiredKeys: [] },
);

test('whatever answers in the place of an executor, it is a list of tasks with short texts, or nothing (R135)', () => {
  const text = fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.array(nearlyTask, { maxLength: 4 }).map((value) => JSON.stringify(value)));
  fc.assert(
    fc.property(text, (answer) => {
      const tasks = parseAnswer(answer);
      for (const { name, uid, processStatus, ...rest } of tasks ?? []) {
        expect(rest).toEqual({});
        const { reason = '', message = '' } = processStatus?.terminated ?? {};
        expect(Math.max(name.length, uid?.length ?? 0, reason.length, message.length)).toBeLessThanOrEqual(300);
      }
    }),
    { numRuns: 500 },
  );
});

const LARGE: Readonly<Record<string, { readonly text: string; readonly count: number | undefined }>> = {
  'entries that are wrong': { text: `[${'0,'.repeat(2_000_000)}0]`, count: undefined },
  'more tasks than there can be': { text: `[${'{"name":"a"},'.repeat(1_000)}{"name":"a"}]`, count: undefined },
  'lists in lists': { text: '['.repeat(2_000_000), count: undefined },
  'lists in lists in a member that nobody reads': { text: `[{"name":"a","x":${'['.repeat(50_000)}${']'.repeat(50_000)}}]`, count: 1 },
};

test.each(Object.entries(LARGE))('an answer of %s costs no more than reading it', (_title, { text, count }) => {
  const before = process.memoryUsage().heapUsed;
  expect(parseAnswer(text)?.length).toBe(count);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000);
});

test('what is kept of long texts takes no more room than it has characters', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const kept: (ExecutorAnswer | undefined)[] = [];
  collect();
  const before = process.memoryUsage().heapUsed;
  for (const letter of 'abcdefghijklmnopqrst') {
    const long = letter.repeat(1_000_000);
    kept.push(parseAnswer(JSON.stringify([{ name: long, uid: long, processStatus: { terminated: { exitCode: 1, reason: long, message: long } } }]))?.[0]);
  }
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
  expect(kept.map((task) => [task?.name.length, task?.processStatus?.terminated?.message?.length])).toEqual(Array.from({ length: 20 }, () => [300, 200]));
});
