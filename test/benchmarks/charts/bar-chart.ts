import { COLOURS, line, MARGIN, picture, px, text } from './svg';

/** One bar, and the mark up to which it may reach. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly target: number;
}

/** What a chart shows. */
export interface BarChart {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 720;
const BAR = { height: 16, step: 26, left: 250 } as const;
const MISSED = '#c62828';

/** Draws bars to the right from 0, each with its target as a mark; those beyond it are red. */
export function renderBarChart({ title, bars }: BarChart): string {
  const most = Math.max(...bars.flatMap(({ value, target }) => [value, target]), 1);
  const at = (value: number) => BAR.left + ((WIDTH - MARGIN.right - 48 - BAR.left) * value) / most;
  const height = MARGIN.top + bars.length * BAR.step + 12;
  const parts = bars.flatMap(({ name, value, target }, index) => {
    const top = MARGIN.top + index * BAR.step;
    return [
      text(BAR.left - 8, top + 12, name, { anchor: 'end' }),
      `<rect x="${BAR.left}" y="${px(top)}" width="${px(at(value) - BAR.left)}" height="${BAR.height}" fill="${value <= target ? COLOURS[0] : MISSED}"/>`,
      line(at(target), top - 3, at(target), top + BAR.height + 3, '#212121'),
      text(Math.max(at(value), at(target)) + 6, top + 12, value.toFixed(2)),
    ];
  });
  return picture(WIDTH, height, title, [text(BAR.left, 44, 'line: what is to be reached at most', { colour: '#616161' }), line(at(1), MARGIN.top - 6, at(1), height - 8, '#9e9e9e', true), ...parts]);
}
