import { Health } from '../../../executor/tasks/health';
import { ManualClock } from '../../support/manual-clock';

function start(more: Partial<ConstructorParameters<typeof Health>[0]> = {}) {
  const clock = new ManualClock();
  const disk = { isFull: false };
  const probe = () => (disk.isFull ? Promise.reject(new Error('ENOSPC')) : Promise.resolve());
  return { clock, disk, health: new Health({ clock, probe, stuck: () => [], corruptCount: 0, ...more }) };
}

test('a full disk is told within 5 s, and that it has room again (X22)', async () => {
  const { clock, disk, health } = start();
  expect(await health.problems()).toEqual([]);
  disk.isFull = true;
  await clock.advance(5000);
  expect(await health.problems()).toEqual(['data directory: expected a synced write to succeed, got ENOSPC']);
  disk.isFull = false;
  await clock.advance(5000);
  expect(await health.problems()).toEqual([]);
});

test('the disk is tried at most every 5 s (X22)', async () => {
  const { clock, disk, health } = start();
  await health.problems();
  disk.isFull = true;
  await clock.advance(4999);
  expect(await health.problems()).toEqual([]);
});

test('unreadable records are told until a reset deletes them (X22)', async () => {
  const { health } = start({ corruptCount: 2 });
  expect(await health.problems()).toEqual(['data directory: 2 unreadable records were moved aside; POST /reset deletes them']);
  health.forgetCorrupt();
  expect(await health.problems()).toEqual([]);
});

test('stops that do not end are told (X22)', async () => {
  const { health } = start({ stuck: () => ["task 'a': stuck"] });
  expect(await health.problems()).toEqual(["task 'a': stuck"]);
});
