import Sequencer from '@jest/test-sequencer';

type Tests = Awaited<ReturnType<Sequencer['sort']>>;
type Test = Tests[number];

/** Files that take long; Jest knows how long a file takes only where it has run before, which is nowhere on a fresh clone. */
const LONGEST = [/\/test\/kubernetes\//, /\/test\/cluster\/|\/conformance\//];

/**
 * Starts the longest files first, so that none of them runs on alone when all others have ended; and files of the real cluster, which mostly
 * wait for it, in turn with the others, which mostly compute.
 */
export default class LongestFirst extends Sequencer {
  override async sort(...input: Parameters<Sequencer['sort']>): Promise<Tests> {
    const sorted = [...(await super.sort(...input))].sort((a, b) => rankOf(a) - rankOf(b));
    const [waiting, computing] = [sorted.filter(isOfRealCluster), sorted.filter((test) => !isOfRealCluster(test))];
    return sorted.flatMap((_, turn) => [waiting[turn], computing[turn]].filter((test) => test !== undefined));
  }
}

function rankOf({ path }: Test): number {
  return LONGEST.findIndex((pattern) => pattern.test(path)) + 1 || LONGEST.length + 1;
}

function isOfRealCluster({ context }: Test): boolean {
  return context.config.displayName?.name === 'kubernetes';
}
