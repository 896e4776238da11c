import { CodeRun, SETTLE_MS } from '../../../executor/execd/contexts/code-run';
import { ManualClock } from '../../support/manual-clock';

type Step = 'interrupt' | 'unsettled' | 'begun' | 'time' | 'end';

test.each<[string, readonly Step[], readonly number[]]>([
  ['waits for code that has not begun', ['interrupt', 'time', 'begun'], [0, 0, 1]],
  ['meets code that has begun at once', ['begun', 'interrupt', 'time'], [0, 1, 1]],
  ['meets code that computes after a while', ['unsettled', 'interrupt', 'time', 'time'], [0, 0, 1, 1]],
  ['waits for code that comes to wait itself, and is not sent twice', ['unsettled', 'interrupt', 'begun', 'time'], [0, 0, 1, 1]],
  ['is sent again where it may have been lost', ['unsettled', 'interrupt', 'time', 'begun'], [0, 0, 1, 2]],
  ['is sent again when somebody asks for it again', ['begun', 'interrupt', 'interrupt'], [0, 1, 2]],
  ['is not sent to what comes after the code', ['interrupt', 'unsettled', 'end', 'time'], [0, 0, 0, 0]],
])('an interrupt %s', async (_title, steps, want) => {
  const clock = new ManualClock();
  const run = new CodeRun({ take: () => true }, clock);
  let sent = 0;
  const perform: Readonly<Record<Step, () => void | Promise<void>>> = {
    interrupt: () => run.interrupt(() => (sent += 1)),
    unsettled: () => run.begin(true),
    begun: () => run.begin(false),
    time: () => clock.advance(SETTLE_MS),
    end: () => run.end({}),
  };
  const counts: number[] = [];
  for (const step of steps) {
    await perform[step]();
    counts.push(sent);
  }
  expect(counts).toEqual(want);
});
