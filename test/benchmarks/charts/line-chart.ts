import { COLOURS, line, MARGIN, picture, px, text } from './svg';

/** A line of a chart. */
export interface Series {
  readonly name: string;
  /** Both above 0; in the order of x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** What a chart shows. */
export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const WIDTH = 720;
const HEIGHT = 400;
const GRID = '#e0e0e0';
/** Width of an entry of the legend. */
const LEGEND_STEP = 150;

/** Draws lines over two logarithmic axes, whose ends are powers of ten. @throws Error without a point */
export function renderLineChart({ title, xLabel, yLabel, series }: LineChart): string {
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) throw new Error(`chart '${title}': expected points, got none`);
  const xAxis = logAxis(points.map(({ x }) => x), MARGIN.left, WIDTH - MARGIN.right);
  const yAxis = logAxis(points.map(({ y }) => y), HEIGHT - MARGIN.bottom, MARGIN.top);
  const grid = [
    ...xAxis.ticks.flatMap((x) => [line(xAxis.at(x), MARGIN.top, xAxis.at(x), HEIGHT - MARGIN.bottom, GRID), text(xAxis.at(x), HEIGHT - MARGIN.bottom + 18, format(x), { anchor: 'middle' })]),
    ...yAxis.ticks.flatMap((y) => [line(MARGIN.left, yAxis.at(y), WIDTH - MARGIN.right, yAxis.at(y), GRID), text(MARGIN.left - 8, yAxis.at(y) + 4, format(y), { anchor: 'end' })]),
    text((MARGIN.left + WIDTH - MARGIN.right) / 2, HEIGHT - 12, xLabel, { anchor: 'middle' }),
    text(18, (MARGIN.top + HEIGHT - MARGIN.bottom) / 2, yLabel, { anchor: 'middle', turned: true }),
  ];
  const lines = series.flatMap(({ name, points: own }, index) => {
    const colour = COLOURS[index % COLOURS.length] ?? '';
    const places = own.map(({ x, y }) => `${px(xAxis.at(x))},${px(yAxis.at(y))}`);
    const left = MARGIN.left + index * LEGEND_STEP;
    return [
      `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...own.map(({ x, y }) => `<circle cx="${px(xAxis.at(x))}" cy="${px(yAxis.at(y))}" r="3.5" fill="${colour}"/>`),
      `<circle cx="${px(left + 4)}" cy="40" r="4" fill="${colour}"/>`,
      text(left + 14, 44, name),
    ];
  });
  return picture(WIDTH, HEIGHT, title, [...grid, ...lines]);
}

/** A logarithmic axis from one pixel to another that has room for all values. */
function logAxis(values: readonly number[], from: number, to: number) {
  const least = Math.floor(Math.log10(Math.min(...values)));
  const most = Math.max(least + 1, Math.ceil(Math.log10(Math.max(...values))));
  const ticks = Array.from({ length: most - least + 1 }, (_, index) => 10 ** (least + index));
  return { ticks, at: (value: number) => from + ((to - from) * (Math.log10(value) - least)) / (most - least) };
}

function format(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
}
