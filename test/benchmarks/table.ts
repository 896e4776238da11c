import type { ScenarioReport, Summary } from './report';

/** Heads of the columns, and what stands in them. */
type Column = readonly [head: string, cell: (row: ScenarioReport) => string];

const MIB = 2 ** 20;

const COLUMNS: readonly Column[] = [
  ['work', ({ title }) => title],
  ['operator', ({ operator }) => formatMs(operator.rounds.median)],
  ['p99', ({ operator }) => formatMs((operator.parts ?? operator.rounds).p99)],
  ['bare loop', ({ loop }) => formatMs(loop.rounds.median)],
  ['p99', ({ loop }) => formatMs((loop.parts ?? loop.rounds).p99)],
  ['ratio', ({ ratio }) => ratio.toFixed(2)],
  ['target', ({ ratio, target }) => `${target.toFixed(2)} ${ratio <= target ? 'yes' : 'no'}`],
  ['writes', ({ operator }) => operator.writeCount.toLocaleString('en')],
  ['CPU', ({ operator: { controller } }) => (controller === undefined ? '' : formatMs(controller.cpuMs))],
  ['server CPU', ({ operator }) => formatMs(operator.serverCpuMs)],
  ['of the loop', ({ loop }) => formatMs(loop.serverCpuMs)],
  ['memory', ({ operator: { controller } }) => (controller === undefined ? '' : `${(controller.residentBytes / MIB).toFixed(0)} MiB`)],
  ['loop delay p99', ({ operator: { controller } }) => formatOptionalMs(controller?.loopDelayP99Ms)],
  ['connections', ({ operator: { controller } }) => String(controller?.connections ?? '')],
  ['strangers', ({ operator, loop }) => `${Math.round(50 * (operator.foreignShare + loop.foreignShare))}%`],
];

const OTHER_COLUMNS: readonly Column[] = [
  ['other', ({ other }) => formatOptionalMs(other?.rounds.median)],
  ['p99', ({ other }) => formatOptionalMs((other?.parts ?? other?.rounds)?.p99)],
  ['other by operator', ({ lead }) => (lead === undefined ? '' : lead.toFixed(2))],
];

/** The cells of a table, heads first; columns of another controller only where there was one. */
export function tableCells(rows: readonly ScenarioReport[]): readonly (readonly string[])[] {
  const columns = rows.some(({ other }) => other !== undefined) ? [...COLUMNS, ...OTHER_COLUMNS] : COLUMNS;
  return [columns.map(([head]) => head), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
}

/** Renders cells as text for a terminal: first column to the left, the others to the right. */
export function renderTable(cells: readonly (readonly string[])[]): string {
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ');
  return cells.map((row) => `${line(row).trimEnd()}\n`).join('');
}

/** Further figures of all contenders, a line each. */
export function renderMore(rows: readonly ScenarioReport[]): string {
  const lines = rows.flatMap(({ name, operator, loop, other }) => {
    const names = new Set([operator, loop, other].flatMap((summary) => Object.keys(summary?.more ?? {})));
    return [...names].map((figure) => {
      const of = (summary: Summary | undefined) => summary?.more[figure]?.toFixed(1) ?? '-';
      return `${name}: ${figure}: operator ${of(operator)}, bare loop ${of(loop)}${other === undefined ? '' : `, other ${of(other)}`}\n`;
    });
  });
  return lines.join('');
}

/** A time with three figures. */
export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 1_000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms >= 100 ? 0 : 1)} ms`;
}

function formatOptionalMs(ms: number | undefined): string {
  return ms === undefined ? '' : formatMs(ms);
}
