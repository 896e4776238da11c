import type { ExecdEvent } from '../../../src/schema/execd-api';

/** An event as it stands in a stream: one line of JSON and an empty line, without the `data:` of server-sent events. */
export function formatEvent(event: ExecdEvent): string {
  return `${escapeLineEnds(JSON.stringify(event))}\n\n`;
}

/** Lines of output as events, all of the same time in ms. */
export function formatLines(type: 'stdout' | 'stderr', lines: readonly string[], timestamp: number): string {
  const [begin, end] = [`{"type":"${type}","timestamp":${timestamp},"text":`, '}\n\n'];
  let text = '';
  for (const line of lines) {
    text += begin + JSON.stringify(line === '' ? '\n' : line) + end;
  }
  return escapeLineEnds(text);
}

/** Characters that older Python clients take for the end of a line. */
const LINE_ENDS = /[\u0085\u2028\u2029]/;
const ALL_LINE_ENDS = new RegExp(LINE_ENDS, 'g');

function escapeLineEnds(json: string): string {
  return LINE_ENDS.test(json) ? json.replace(ALL_LINE_ENDS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`) : json;
}
