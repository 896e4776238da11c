import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { describeMachine, readCommit } from '../machine';
import { type Times, timesOf } from '../statistics';
import { formatMs, renderTable } from '../table';
import { joined, type Samples } from './samples';
import { SdkCluster } from './sdk-cluster';
import { type RawSdkOptions, readSdkOptions, type SdkOptions, type Way } from './sdk-options';
import { playAlone, playBurst, playCrowd } from './sdk-work';

const BAD_OPTIONS_EXIT_CODE = 2;
/** For so many rounds of single sandboxes there is one of a crowd, and one of a burst. */
const ROUNDS_PER_CROWD = 10;
const ROUNDS_PER_BURST = 25;

/** One line of the result. */
interface Figure {
  /** Such as `embedded, direct`. */
  readonly where: string;
  readonly work: string;
  readonly what: string;
  readonly times: Times;
}

async function measure(cluster: SdkCluster, way: Way, { rounds, crowd, burst }: SdkOptions): Promise<readonly Figure[]> {
  const connection = cluster.connection(way === 'proxy');
  const figures: Figure[] = [];
  const play = async (work: string, count: number, once: () => Promise<Samples>) => {
    process.stderr.write(`${cluster.kind}, ${way}: ${work}, ${count} times\n`);
    const parts: Samples[] = [];
    for (let round = 0; round < count; round += 1) parts.push(await once());
    for (const [what, values] of Object.entries(joined(parts))) figures.push({ where: `${cluster.kind}, ${way}`, work, what, times: timesOf(values) });
  };
  await playAlone(cluster, connection); // the first one finds programs that have done nothing yet, and does not count
  await play('one sandbox', rounds, () => playAlone(cluster, connection));
  if (crowd > 0) await play(`${crowd} sandboxes at once`, Math.ceil(rounds / ROUNDS_PER_CROWD), () => playCrowd(cluster, connection, crowd));
  if (burst > 0) {
    const bursts = Math.ceil(rounds / ROUNDS_PER_BURST);
    await play(`${burst} creates at once`, bursts, () => playBurst(cluster, connection, burst, burst));
    await play(`${burst} creates at once for half as many pods`, bursts, () => playBurst(cluster, connection, burst, Math.floor(burst / 2)));
  }
  return figures;
}

async function main(raw: RawSdkOptions): Promise<void> {
  const read = readSdkOptions(raw);
  if ('problems' in read) {
    process.stderr.write(`${read.problems.join('\n')}\n`);
    process.exitCode = BAD_OPTIONS_EXIT_CODE;
    return;
  }
  const { options } = read;
  const figures: Figure[] = [];
  for (const kind of options.clusters) {
    const cluster = await SdkCluster.start(kind);
    try {
      for (const way of options.ways) figures.push(...(await measure(cluster, way, options)));
    } finally {
      await cluster.stop();
    }
  }
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify({ at: new Date().toISOString(), machine: describeMachine(), commit: await readCommit(), figures }, null, 2)}\n`);
  const rows = figures.map(({ where, work, what, times: { count, least, median, p99, most } }) => [`${where}: ${work}: ${what}`, String(count), ...[least, median, p99, most].map(formatMs)]);
  process.stdout.write(renderTable([['what', 'samples', 'least', 'median', 'p99', 'most'], ...rows]));
}

new Command('bench-sdk')
  .description('Measures the public SDK against the lifecycle server: create from a warm pool, first command and kill; many at once; and more than there are pods.')
  .option('--on <clusters>', 'embedded, node, or both with a comma between them; node needs root')
  .option('--way <ways>', 'how commands reach the sandbox: direct, proxy, or both')
  .option('--rounds <count>', 'single sandboxes; a tenth as many crowds, and a 25th as many bursts')
  .option('--crowd <count>', 'sandboxes of a crowd, which run a command each; 0 for none')
  .option('--burst <count>', 'creates of a burst; 0 for none')
  .option('--json <file>', 'write the report as JSON')
  .action(main)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  });
