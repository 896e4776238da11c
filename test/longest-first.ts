import Sequencer from '@jest/test-sequencer';

type Tests = Awaited<ReturnType<Sequencer['sort']>>;
type Test = Tests[number];
type SequencerOptions = ConstructorParameters<typeof Sequencer>[0];

/** Files that take long; Jest knows how long a file takes only where it has run before, which is nowhere on a fresh clone. */
const LONGEST = [/\/test\/kubernetes\//, /\/test\/cluster\/|\/conformance\//];
/** Roughly how long a file takes beside others, in seconds; the first pattern counts. */
const SECONDS: readonly (readonly [RegExp, number])[] = [[/\/fleet\.test\.ts$/, 180], [/\/test\/(kubernetes|cluster)\//, 60], [/\/test\/(acceptance|faults\/real)\//, 20]];
const SECONDS_OF_OTHERS = 4;
/** How many times as long a file takes on the real cluster. */
const ON_REAL_CLUSTER = 3;

/**
 * Starts the longest files first, so that none of them runs on alone when all others have ended; and files of the real cluster, which mostly
 * wait for it, on half of the workers, beside the others, which mostly compute.
 */
export default class LongestFirst extends Sequencer {
  private readonly workers: number;

  constructor(options: SequencerOptions) {
    super(options);
    this.workers = options.globalConfig.maxWorkers;
  }

  override async sort(...input: Parameters<Sequencer['sort']>): Promise<Tests> {
    const sorted = [...(await super.sort(...input))].sort((a, b) => rankOf(a) - rankOf(b));
    return beside(sorted.filter(isOfRealCluster), sorted.filter((test) => !isOfRealCluster(test)), this.workers, secondsOf);
  }
}

/**
 * An order in which workers that each take the next item when they have done one have about half of them at items that wait, as long as there
 * are both kinds.
 *
 * @param secondsOf how long an item takes
 */
export function beside<T>(waiting: readonly T[], computing: readonly T[], workers: number, secondsOf: (item: T) => number): T[] {
  const [waits, computes] = [[...waiting], [...computing]];
  const lanes = Array.from({ length: workers }, () => ({ freeAt: 0, waits: false }));
  const order: T[] = [];
  for (;;) {
    const lane = lanes.reduce((first, other) => (other.freeAt < first.freeAt ? other : first));
    const waitingNow = lanes.filter((other) => other.waits && other.freeAt > lane.freeAt).length;
    lane.waits = computes.length === 0 || (waits.length > 0 && waitingNow < workers / 2);
    const item = (lane.waits ? waits : computes).shift();
    if (item === undefined) return order;
    order.push(item);
    lane.freeAt += secondsOf(item);
  }
}

function rankOf({ path }: Test): number {
  return LONGEST.findIndex((pattern) => pattern.test(path)) + 1 || LONGEST.length + 1;
}

function secondsOf(test: Test): number {
  const seconds = SECONDS.find(([pattern]) => pattern.test(test.path))?.[1] ?? SECONDS_OF_OTHERS;
  return isOfRealCluster(test) && seconds < 60 ? seconds * ON_REAL_CLUSTER : seconds;
}

function isOfRealCluster({ context }: Test): boolean {
  return context.config.displayName?.name === 'kubernetes';
}
