import { actingSince, tookOverSince, undisturbed } from './take-over';

/** A cluster whose operator took over then. */
const since = (ms: number) => ({ tookOverAt: () => Promise.resolve(ms) });

test('a time counts from the take-over where that is later, and an operator that nobody else ends was always there', async () => {
  expect([await actingSince(since(20), 10), await actingSince(since(20), 30), await actingSince({}, 10)]).toEqual([20, 30, 10]);
  expect([await tookOverSince(since(20), 10), await tookOverSince(since(20), 30), await tookOverSince({}, 10)]).toEqual([true, false, false]);
});

test('what another operator may have spoilt is done again, until it was one alone', async () => {
  const works: number[] = [];
  const target = { tookOverAt: () => Promise.resolve(works.length < 3 ? Number.MAX_SAFE_INTEGER : 0) };
  const work = () => Promise.resolve(works.push(works.length));
  await undisturbed(target, work, (done) => expect(done).toBe(3));
  expect(works).toHaveLength(3);
});

test('what is right is not done again, whoever took over', async () => {
  const work = jest.fn(() => Promise.resolve(1));
  await undisturbed(since(Number.MAX_SAFE_INTEGER), work, (done) => expect(done).toBe(1));
  expect(work).toHaveBeenCalledTimes(1);
});

test.each([
  ['nobody took over since it began', since(0)],
  ['nobody else ends the operator', {}],
])('what is wrong although %s is told, and not done again', async (_title, target) => {
  const work = jest.fn(() => Promise.resolve(1));
  const check = (done: number) => expect(done).toBe(2);
  await expect(undisturbed(target, work, check, 0)).rejects.toThrow('Expected: 2');
  expect(work).toHaveBeenCalledTimes(1);
});
