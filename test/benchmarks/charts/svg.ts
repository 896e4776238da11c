/** Colours of series, in their order; they differ in brightness too. */
export const COLOURS = ['#1565c0', '#9e9e9e', '#e65100', '#2e7d32'] as const;
/** Room for titles and labels around what is drawn, in pixels. */
export const MARGIN = { top: 56, right: 24, bottom: 52, left: 76 } as const;

const FONT = 'font-family="system-ui, sans-serif"';

/** A whole picture on white, so that it can be read on dark pages too. */
export function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN.left, 24, title, { size: 15, weight: 600 }),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** How a text is set. */
interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
  readonly weight?: number;
  readonly colour?: string;
  readonly turned?: boolean;
}

/** A line of text; x and y are its anchor on its base line. */
export function text(x: number, y: number, content: string, { anchor = 'start', size = 12, weight = 400, colour = '#212121', turned = false }: TextStyle = {}): string {
  const turn = turned ? ` transform="rotate(-90 ${px(x)} ${px(y)})"` : '';
  return `<text x="${px(x)}" y="${px(y)}" ${FONT} font-size="${size}" font-weight="${weight}" fill="${colour}" text-anchor="${anchor}"${turn}>${escaped(content)}</text>`;
}

/** A straight line. */
export function line(x1: number, y1: number, x2: number, y2: number, colour: string, dashed = false): string {
  return `<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" stroke="${colour}"${dashed ? ' stroke-dasharray="4 3"' : ''}/>`;
}

/** A length in pixels as the same text everywhere. */
export function px(length: number): string {
  return String(Math.round(length * 10) / 10);
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
