import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './source-imports';

/** One fenced block of code. */
export interface CodeBlock {
  /** Language after the fence; empty when there is none. */
  readonly language: string;
  readonly code: string;
}

/** Text of a page of the repository. */
export function readPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/**
 * Rows of the first table after a heading, without the head, each as its cells; code marks are taken off.
 *
 * @throws Error when there is no such heading, or no table below it
 */
export function tableRows(page: string, heading: string): string[][] {
  const [, section] = page.split(new RegExp(`^#+ ${heading}$`, 'm'));
  if (section === undefined) throw new Error(`page: expected a heading '${heading}', got none`);
  const lines = section.split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  if (start === -1) throw new Error(`page: heading '${heading}': expected a table, got none`);
  return lines.slice(start + 2, end === -1 ? undefined : end).map(toCells);
}

/** Cells of a row of a table; a `|` in a cell is written `\|`. */
function toCells(line: string): string[] {
  const cells = line.split(/(?<!\\)\|/).slice(1, -1);
  return cells.map((cell) => cell.trim().replaceAll('\\|', '|').replaceAll('`', ''));
}

/** Fenced blocks of code, in order. */
export function codeBlocks(page: string): CodeBlock[] {
  return [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, language = '', code = '']) => ({ language, code }));
}
