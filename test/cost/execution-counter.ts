import { Session } from 'node:inspector/promises';
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/** How often a piece of code ran. */
export interface Runs {
  /** File and function, such as `operator/ledger.ts take`. */
  readonly where: string;
  readonly count: number;
}

/** What ran between two looks. */
export interface Execution {
  /** Runs of all pieces together: a measure of work that is the same on every machine. */
  readonly total: number;
  /** The piece that ran most often: a loop over all objects shows here, whatever collection they are in. */
  readonly busiest: Runs;
}

const NOTHING: Runs = { where: 'nothing', count: 0 };

/**
 * Counts how often each function and each branch or loop of it runs, in the sources of some folders.
 *
 * V8 counts for as long as this is open, in code that runs for the first time meanwhile: open it before anything that is to be counted has run.
 *
 * @see https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#method-startPreciseCoverage
 */
export class ExecutionCounter {
  private readonly session = new Session();

  /** @param folders absolute, each with its end, such as `/repo/operator/` */
  private constructor(
    private readonly root: string,
    private readonly folders: readonly string[],
  ) {}

  /** @param folders below `root`, by name */
  static async open(root: string, folders: readonly string[]): Promise<ExecutionCounter> {
    const counter = new ExecutionCounter(root, folders.map((folder) => `${root}/${folder}/`));
    counter.session.connect();
    await counter.session.post('Profiler.enable');
    await counter.session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    return counter;
  }

  /** What ran since the last call, or since the start. */
  async take(): Promise<Execution> {
    const { result } = await this.session.post('Profiler.takePreciseCoverage');
    let total = 0;
    let busiest = NOTHING;
    for (const { url, functions } of result) {
      const path = url.startsWith('file:') ? url.slice(FILE_SCHEME_LENGTH) : url;
      if (!this.folders.some((folder) => path.startsWith(folder))) continue;
      let name = '';
      for (const { functionName, ranges } of functions) {
        // Functions come in the order of their text, so one without a name belongs to what was named before it.
        if (functionName !== '') name = functionName;
        for (const { count } of ranges) {
          total += count;
          if (count > busiest.count) busiest = { where: `${relative(this.root, path)} ${name}`, count };
        }
      }
    }
    return { total, busiest };
  }

  async close(): Promise<void> {
    await this.session.post('Profiler.stopPreciseCoverage');
    this.session.disconnect();
  }
}

/** What ran more often than it may, in words, or that nothing was seen to run, which is never so; undefined when all is well. */
export function faultOf({ total, busiest }: Execution, mostTotal: number, mostOfOne: number): string | undefined {
  if (total === 0) return 'expected some runs, got none: nothing is counted';
  if (total > mostTotal) return `expected at most ${mostTotal} runs together, got ${total}; most in ${busiest.where}: ${busiest.count}`;
  return busiest.count > mostOfOne ? `${busiest.where}: expected at most ${mostOfOne} runs, got ${busiest.count}` : undefined;
}

const FILE_SCHEME_LENGTH = pathToFileURL('/').href.length - 1;
