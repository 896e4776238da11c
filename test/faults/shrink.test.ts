import { shrink } from './shrink';

const range = (length: number) => Array.from({ length }, (_, i) => i);
const includesAll = (wanted: readonly number[]) => (items: readonly number[]) => Promise.resolve(wanted.every((item) => items.includes(item)));

test.each([
  ['one item', 100, [57]],
  ['the first and the last', 100, [0, 99]],
  ['three apart', 64, [3, 31, 62]],
  ['everything', 5, [0, 1, 2, 3, 4]],
  ['nothing', 20, []],
])('finds that %s is enough', async (_, length, wanted) => {
  expect(await shrink(range(length), includesAll(wanted), 1_000)).toEqual(wanted);
});

test('tries no more lists than it may', async () => {
  let tried = 0;
  const shortest = await shrink(
    range(1000),
    (items) => {
      tried += 1;
      return includesAll([1, 500, 999])(items);
    },
    10,
  );
  expect(tried).toBe(10);
  expect(shortest).toEqual(expect.arrayContaining([1, 500, 999]));
});
