/** Text of a table in aligned columns, three spaces apart, as kubectl prints them; without spaces at the ends of lines. */
export function toTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ').trimEnd()).join('\n');
}

/** Age in the short form of kubectl: seconds up to two minutes, then minutes, hours, days. */
export function toAge(creationTimestamp: string | undefined, now: Date): string {
  if (creationTimestamp === undefined) return '<unknown>';
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(creationTimestamp)) / 1000));
  if (seconds < 120) return `${String(seconds)}s`;
  if (seconds < 2 * 3600) return `${String(Math.floor(seconds / 60))}m`;
  if (seconds < 48 * 3600) return `${String(Math.floor(seconds / 3600))}h`;
  return `${String(Math.floor(seconds / 86_400))}d`;
}
