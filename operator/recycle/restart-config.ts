import { parseSetting } from '../../src/program/setting-values';
import { unlessTooDeep } from '../../src/schema/depth';
import { formatProblem } from '../../src/schema/errors';
import { Annotation } from '../../src/schema/names';
import { isRecord } from '../../src/schema/validation';
import { parseJson } from './parse-json';

/** How a pool restarts its pods: its annotation `restart-config`. */
export interface RestartConfig {
  /** Names of containers that are left as they are. */
  readonly blacklist: readonly string[];
  /** Time from one attempt to the next, in ms, from 1 s. */
  readonly retryIntervalMs: number;
  /** Attempts after the first one. */
  readonly maxRetries: number;
  /** What is run in each container to make it end: program and arguments. */
  readonly restartCommand: readonly string[];
}

/** What counts for a pool that says nothing. */
export const DEFAULT_RESTART_CONFIG: RestartConfig = { blacklist: [], retryIntervalMs: 30_000, maxRetries: 3, restartCommand: ['kill', '1'] };

/** Shortest time between attempts, in ms: a kubelet needs about a second to tell of a restart. */
const SHORTEST_INTERVAL_MS = 1_000;

/** A configuration to go by, and what of the text could not be read. */
export interface ParsedRestartConfig {
  readonly config: RestartConfig;
  /** In the form of an error, without subject. */
  readonly problems: readonly string[];
}

/** Reads the annotation; what is missing or cannot be read takes its default (R54). */
export function parseRestartConfig(text: string | undefined): ParsedRestartConfig {
  if (text === undefined) return { config: DEFAULT_RESTART_CONFIG, problems: [] };
  const path = `metadata.annotations['${Annotation.restartConfig}']`;
  const value = parseJson(text);
  if (!isRecord(value)) return { config: DEFAULT_RESTART_CONFIG, problems: [formatProblem({ path, expected: 'a JSON object', got: quote(text) })] };
  const problems: string[] = [];
  const read = <K extends keyof RestartConfig>(key: K, field: string, expected: string, parse: (value: unknown) => RestartConfig[K] | undefined): RestartConfig[K] => {
    if (value[field] === undefined) return DEFAULT_RESTART_CONFIG[key];
    const parsed = parse(value[field]);
    if (parsed === undefined) problems.push(formatProblem({ path: `${path}.${field}`, expected, got: quote(unlessTooDeep(() => JSON.stringify(value[field]), 'a value of many levels')) }));
    return parsed ?? DEFAULT_RESTART_CONFIG[key];
  };
  const config = {
    blacklist: read('blacklist', 'blacklist', 'a list of container names', parseTexts),
    retryIntervalMs: read('retryIntervalMs', 'retryInterval', 'a duration of 1s or more', parseInterval),
    maxRetries: read('maxRetries', 'maxRetries', 'a whole number from 0', parseCount),
    restartCommand: read('restartCommand', 'restartCommand', 'a program and its arguments', (command) => nonEmpty(parseTexts(command))),
  };
  return { config, problems };
}

/** Text of somebody else, cut to what a person reads. */
function quote(text: string): string {
  return `'${text.slice(0, 200)}'`;
}

function parseTexts(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}

function nonEmpty(texts: string[] | undefined): string[] | undefined {
  return texts?.[0] === undefined || texts[0] === '' ? undefined : texts;
}

function parseInterval(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const parsed = parseSetting({ kind: 'duration', min: SHORTEST_INTERVAL_MS, description: '' }, value);
  return 'value' in parsed && typeof parsed.value === 'number' ? parsed.value : undefined;
}

function parseCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
