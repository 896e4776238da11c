import type { ListenAddress, LogLevel, Setting, SettingValues } from '../schema/settings';
import { LOG_LEVELS, LOG_VERBOSITY } from '../schema/settings';
import { LONGEST_TIMER_MS } from './clock';

/** A value, or what was expected instead. */
export type Parsed<V> = { readonly value: V } | { readonly expected: string };

/** Turns the text of a setting into its value, by kind. */
export function parseSetting(setting: Setting, text: string): Parsed<SettingValues[Setting['kind']]> {
  switch (setting.kind) {
    case 'string':
      return { value: text };
    case 'integer':
      return parseInteger(text, setting.min ?? 0, setting.max ?? Number.MAX_SAFE_INTEGER);
    case 'boolean':
      return parseBoolean(text);
    case 'duration':
      return parseDuration(text, setting.min ?? 0, setting.max ?? LONGEST_TIMER_MS);
    case 'address':
      return parseAddress(text);
    case 'addressOrOff':
      return text === '0' || text === '' ? { value: undefined } : parseAddress(text);
    case 'list':
      return { value: splitList(text, ',') };
    case 'counts':
      return parseCounts(text, setting.default);
    case 'logLevel':
      return parseLogLevel(text);
  }
}

function parseInteger(text: string, min: number, max: number): Parsed<number> {
  const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return { value };
  return { expected: max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}` };
}

function parseBoolean(text: string): Parsed<boolean> {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return { value: true };
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return { value: false };
  return { expected: 'true or false' };
}

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function parseDuration(text: string, min: number, max: number): Parsed<number> {
  const wellFormed = /^(0|(\d+(\.\d+)?(ms|s|m|h))+)$/.test(text);
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const value = Math.round(parts.reduce((sum, [, count, unit]) => sum + Number(count) * (MS_PER_UNIT[unit ?? ''] ?? 0), 0));
  if (wellFormed && value >= min && value <= max) return { value };
  return { expected: `a duration such as 30s or 10m, from ${min} ms to ${max} ms` };
}

function parseAddress(text: string): Parsed<ListenAddress> {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? NaN);
  if (match !== null && port <= 65535) return { value: { host: match[1] ?? match[2] ?? '', port } };
  return { expected: 'host:port or :port with a port from 0 to 65535' };
}

function splitList(text: string, separator: string): string[] {
  return text.split(separator).map((item) => item.trim()).filter((item) => item !== '');
}

function parseCounts(text: string, defaults: string): Parsed<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const item of splitList(defaults, ';')) {
    const [name = '', count] = item.split('=');
    counts[name] = Number(count);
  }
  const names = Object.keys(counts);
  for (const item of splitList(text, ';')) {
    const match = /^([^=]+)=([1-9]\d{0,8})$/.exec(item);
    const name = match?.[1]?.trim() ?? '';
    if (match === null || !names.includes(name)) {
      return { expected: `name=number pairs with ; between them, names out of ${names.join(', ')}, numbers above 0` };
    }
    counts[name] = Number(match[2]);
  }
  return { value: counts };
}

function parseLogLevel(text: string): Parsed<LogLevel> {
  const level = LOG_LEVELS.find((name) => name === text);
  if (level !== undefined) return { value: level };
  if (LOG_VERBOSITY.test(text)) return { value: text === '1' ? 'debug' : 'trace' };
  return { expected: `one of ${LOG_LEVELS.join(', ')} or a number above 0` };
}
