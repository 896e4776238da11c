import Sequencer from '@jest/test-sequencer';

/** Files that take long; Jest knows how long a file takes only where it has run before, which is nowhere on a fresh clone. */
const LONGEST = [/\/test\/kubernetes\//, /\/test\/cluster\/|\/conformance\//];

/** Starts the longest files first, so that none of them runs on alone when all others have ended. */
export default class LongestFirst extends Sequencer {
  override async sort(...input: Parameters<Sequencer['sort']>): Promise<Awaited<ReturnType<Sequencer['sort']>>> {
    const sorted = await super.sort(...input);
    const rankOf = (path: string) => LONGEST.findIndex((pattern) => pattern.test(path)) + 1 || LONGEST.length + 1;
    return [...sorted].sort((a, b) => rankOf(a.path) - rankOf(b.path));
  }
}
