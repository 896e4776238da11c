import { beside } from './longest-first';

const seconds: Readonly<Record<string, number>> = { W: 60, V: 20, c: 20, d: 10 };
const secondsOf = (item: string) => seconds[item] ?? 0;

test.each([
  ['half of the workers wait, from the beginning', 'WWWW', 'cccccccccccc', 4, 'WWccccccWWcccccc'],
  ['who waits less long is followed by another', 'VVV', 'ccc', 2, 'VcVcVc'],
  ['what computes goes on when nothing waits any more', 'V', 'dddd', 2, 'Vdddd'],
  ['what waits goes on when nothing computes any more', 'VVVV', 'd', 2, 'VdVVV'],
  ['one worker does first what waits', 'VV', 'dd', 1, 'VVdd'],
  ['there is nothing', '', '', 4, ''],
])('%s', (_title, waiting, computing, workers, order) => {
  expect(beside([...waiting], [...computing], workers, secondsOf).join('')).toBe(order);
});
