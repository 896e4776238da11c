import type { Scenario } from './scenario';

/** What a run is to do. */
export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  /** Measured rounds of each scenario. @default - as many as each wants */
  readonly rounds?: number;
  /** Command of another controller to compare with. @default - none */
  readonly controller?: string;
  /** File for the report as JSON. @default - none is written */
  readonly json?: string;
  /** Whether docs/performance.md and its charts are written anew. */
  readonly writeDocs: boolean;
  /** File of an earlier report that is shown again; nothing is played then. @default - all is measured now */
  readonly from?: string;
}

/** Options as they stand on the command line. */
export interface RawOptions {
  readonly only?: string;
  readonly rounds?: string;
  readonly controller?: string;
  readonly json?: string;
  readonly writeDocs?: boolean;
  readonly from?: string;
}

const MOST_ROUNDS = 1_000;

/** What can be played. */
export interface Repertoire {
  /** The scenarios of a whole run, in the order in which they are played. */
  readonly all: readonly Scenario[];
  /** One that is not among them, by its name. */
  readonly scenarioOf: (name: string) => Scenario | undefined;
  /** Names that it knows. */
  readonly otherNames: string;
}

/** Reads the options; or all that is wrong with them. */
export function readOptions(raw: RawOptions, { all, scenarioOf, otherNames }: Repertoire): { readonly options: BenchOptions } | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const { only, rounds, controller, json, from, writeDocs = false } = raw;
  const chosen = new Set(only === undefined ? all : []);
  for (const name of only?.split(',').map((text) => text.trim()) ?? []) {
    const found = all.filter((scenario) => matches(name, scenario));
    const other = found.length > 0 ? [] : [scenarioOf(name) ?? []].flat();
    for (const scenario of [...found, ...other]) chosen.add(scenario);
    if (found.length + other.length > 0) continue;
    problems.push(`--only: expected names of scenarios, with * for any text, got '${name}'; there are ${all.map((scenario) => scenario.name).join(', ')}, and of other sizes ${otherNames}`);
  }
  if (rounds !== undefined && !(/^[1-9]\d{0,3}$/.test(rounds) && Number(rounds) <= MOST_ROUNDS)) problems.push(`--rounds: expected a whole number from 1 to ${MOST_ROUNDS}, got '${rounds}'`);
  if (controller?.trim() === '') problems.push('--controller: expected a command, such as "./manager --leader-elect=false", got nothing');
  if (json?.trim() === '') problems.push('--json: expected the name of a file, got nothing');
  if (writeDocs && only !== undefined) problems.push('--write-docs: expected all scenarios, since the page shows all of them, got --only beside it; leave one of the two out');
  if (from?.trim() === '') problems.push('--from: expected the name of a file that --json has written, got nothing');
  const playing = Object.entries({ only, rounds, controller, json }).flatMap(([name, value]) => (value === undefined ? [] : `--${name}`));
  if (from !== undefined && playing.length > 0) problems.push(`--from: expected nothing that is for playing, since an earlier report is shown, got ${playing.join(', ')} beside it`);
  if (problems.length > 0) return { problems };
  const scenarios = [...all.filter((scenario) => chosen.has(scenario)), ...[...chosen].filter((scenario) => !all.includes(scenario))];
  return { options: { scenarios, writeDocs, controller, json, from, ...(rounds !== undefined && { rounds: Number(rounds) }) } };
}

function matches(pattern: string, { name }: Scenario): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[^\w-]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(name);
}
