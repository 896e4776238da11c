import type { ClusterKind } from './sdk-cluster';

/** What a run is to do. */
export interface SdkOptions {
  readonly clusters: readonly ClusterKind[];
  /** Ways of commands: to the pod, through the server, or both. */
  readonly ways: readonly Way[];
  /** Single sandboxes, one after another. */
  readonly rounds: number;
  /** Sandboxes of a crowd, which run a command each. */
  readonly crowd: number;
  /** Sandboxes of a burst, which are only made. */
  readonly burst: number;
  /** File for the report as JSON. @default - none is written */
  readonly json?: string;
}

/** How commands reach the sandbox. */
export type Way = 'direct' | 'proxy';

/** Options as they stand on the command line. */
export type RawSdkOptions = Readonly<Partial<Record<'on' | 'way' | 'rounds' | 'crowd' | 'burst' | 'json', string>>>;

const CLUSTERS: readonly ClusterKind[] = ['embedded', 'node'];
const WAYS: readonly Way[] = ['direct', 'proxy'];
const MOST = 1_000;

/** Reads the options; or all that is wrong with them. */
export function readSdkOptions({ on = 'embedded', way = 'direct', rounds = '50', crowd = '20', burst = '100', json }: RawSdkOptions): { readonly options: SdkOptions } | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const choose = <T extends string>(flag: string, text: string, known: readonly T[]): readonly T[] => {
    const names = text.split(',').map((name) => name.trim());
    problems.push(...names.filter((name) => !known.some((one) => one === name)).map((name) => `${flag}: expected ${known.join(', ')} or several with commas between them, got '${name}'`));
    return known.filter((name) => names.includes(name));
  };
  const count = (flag: string, text: string, least: number) => {
    const number = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
    if (!(number >= least && number <= MOST)) problems.push(`${flag}: expected a whole number from ${least} to ${MOST}, got '${text}'`);
    return number;
  };
  const clusters = choose('--on', on, CLUSTERS);
  const ways = choose('--way', way, WAYS);
  const numbers = { rounds: count('--rounds', rounds, 1), crowd: count('--crowd', crowd, 0), burst: count('--burst', burst, 0) };
  if (json?.trim() === '') problems.push('--json: expected the name of a file, got nothing');
  return problems.length > 0 ? { problems } : { options: { clusters, ways, ...numbers, ...(json !== undefined && { json }) } };
}
