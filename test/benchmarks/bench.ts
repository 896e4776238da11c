import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../../local/programs';
import { describeMachine, readCommit } from './machine';
import { type BenchOptions, type RawOptions, readOptions } from './options';
import { writePerformance } from './performance-page';
import { type Report, reportOf } from './report';
import { runScenario } from './runner';
import { OTHER_NAMES, scenarioOf, SCENARIOS } from './scenarios/all';
import { Stage } from './stage';
import { formatMs, renderMore, renderTable, tableCells } from './table';

const BAD_OPTIONS_EXIT_CODE = 2;

/** Plays scenarios; `onReport` is told after each of them, so that a long run that ends early has shown something. */
async function run({ scenarios, rounds, controller }: BenchOptions, onReport: (report: Report) => Promise<void>): Promise<Report> {
  const stages: Stage[] = [];
  let report: Report = { at: new Date().toISOString(), machine: describeMachine(), commit: await readCommit(), ...(controller !== undefined && { other: controller }), scenarios: [] };
  try {
    const stage = await Stage.start();
    stages.push(stage);
    if (controller !== undefined) stages.push(await Stage.start({ command: controller }));
    for (const scenario of scenarios) {
      process.stderr.write(`${scenario.name}: `);
      const played = await runScenario(scenario, { stage, other: stages[1], rounds }, (contender, ms) => process.stderr.write(`${contender} ${formatMs(ms)}, `));
      process.stderr.write('\n');
      report = { ...report, scenarios: [...report.scenarios, reportOf(scenario, played)] };
      await onReport(report);
    }
  } finally {
    for (const stage of stages) await stage.stop();
  }
  return report;
}

async function main(raw: RawOptions): Promise<void> {
  const read = readOptions(raw, { all: SCENARIOS, scenarioOf, otherNames: OTHER_NAMES });
  if ('problems' in read) {
    process.stderr.write(`${read.problems.join('\n')}\n`);
    process.exitCode = BAD_OPTIONS_EXIT_CODE;
    return;
  }
  const { json, from, writeDocs } = read.options;
  const save = async (report: Report) => {
    if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  };
  const report = from === undefined ? await run(read.options, save) : (JSON.parse(await readFile(from, 'utf8')) as Report);
  process.stdout.write(`${renderTable(tableCells(report.scenarios))}${renderMore(report.scenarios)}`);
  if (writeDocs) await writePages(report);
}

async function writePages(report: Report): Promise<void> {
  const docs = join(packageRoot(), 'docs');
  const { page, charts } = writePerformance(await readFile(join(docs, 'performance.md'), 'utf8'), report);
  await writeFile(join(docs, 'performance.md'), page);
  for (const [file, content] of charts) {
    await mkdir(dirname(join(docs, file)), { recursive: true });
    await writeFile(join(docs, file), content);
  }
}

new Command('bench')
  .description('Measures the operator on the real API server and etcd with simulated nodes, beside a bare loop that makes the same writes and nothing else.')
  .option('--only <names>', 'scenarios to play, with commas between them and * for any text, such as batch-*,burst-300x1')
  .option('--rounds <count>', 'measured rounds of each scenario')
  .option('--controller <command>', 'another controller of the same kinds to compare with; it finds a cluster of its own by KUBECONFIG')
  .option('--json <file>', 'write the report as JSON, after each scenario')
  .option('--write-docs', 'write docs/performance.md and its charts anew')
  .option('--from <file>', 'show an earlier report, which --json has written, and play nothing')
  .action(main)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  });
