import { ChangeGatherer } from '../../../operator/tasks/change-gatherer';
import { ManualClock } from '../../support/manual-clock';

test('reports many changes of a key once, a fixed time after the first, and each key by itself', async () => {
  const clock = new ManualClock();
  const reports: string[] = [];
  const gatherer = new ChangeGatherer(clock, 80, (key) => reports.push(`${key} at ${clock.monotonicMs()}`));
  gatherer.add('a');
  await clock.advance(50);
  gatherer.add('a');
  gatherer.add('b');
  await clock.advance(200);
  gatherer.add('a');
  await clock.advance(80);
  expect(reports).toEqual(['a at 80', 'b at 130', 'a at 330']);
});

test('reports nothing more after it is closed', async () => {
  const clock = new ManualClock();
  const reports: string[] = [];
  const gatherer = new ChangeGatherer(clock, 80, (key) => reports.push(key));
  gatherer.add('a');
  gatherer.close();
  await clock.advance(200);
  expect([reports, clock.timerCount]).toEqual([[], 0]);
});
