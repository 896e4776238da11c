import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { describeMachine, readCommit } from './machine';
import { type BenchOptions, type RawOptions, readOptions } from './options';
import { type Report, reportOf, type ScenarioReport } from './report';
import { runScenario } from './runner';
import { OTHER_NAMES, scenarioOf, SCENARIOS } from './scenarios/all';
import { Stage } from './stage';
import { formatMs, renderMore, renderTable, tableCells } from './table';

const BAD_OPTIONS_EXIT_CODE = 2;

async function run(options: BenchOptions): Promise<Report> {
  const stages: Stage[] = [];
  const reports: ScenarioReport[] = [];
  try {
    const stage = await Stage.start();
    stages.push(stage);
    if (options.controller !== undefined) stages.push(await Stage.start({ command: options.controller }));
    for (const scenario of options.scenarios) {
      process.stderr.write(`${scenario.name}: `);
      const rounds = await runScenario(scenario, { stage, other: stages[1], rounds: options.rounds }, (contender, ms) => process.stderr.write(`${contender} ${formatMs(ms)}, `));
      reports.push(reportOf(scenario, rounds));
      process.stderr.write('\n');
    }
  } finally {
    for (const stage of stages) await stage.stop();
  }
  return { at: new Date().toISOString(), machine: describeMachine(), commit: await readCommit(), ...(options.controller !== undefined && { other: options.controller }), scenarios: reports };
}

async function main(raw: RawOptions): Promise<void> {
  const read = readOptions(raw, { all: SCENARIOS, scenarioOf, otherNames: OTHER_NAMES });
  if ('problems' in read) {
    process.stderr.write(`${read.problems.join('\n')}\n`);
    process.exitCode = BAD_OPTIONS_EXIT_CODE;
    return;
  }
  const report = await run(read.options);
  process.stdout.write(`${renderTable(tableCells(report.scenarios))}${renderMore(report.scenarios)}`);
  if (read.options.json !== undefined) await writeFile(read.options.json, `${JSON.stringify(report, null, 2)}\n`);
}

new Command('bench')
  .description('Measures the operator on the real API server and etcd with simulated nodes, beside a bare loop that makes the same writes and nothing else.')
  .option('--only <names>', 'scenarios to play, with commas between them and * for any text, such as batch-*,burst-300x1')
  .option('--rounds <count>', 'measured rounds of each scenario')
  .option('--controller <command>', 'another controller of the same kinds to compare with; it finds its own cluster by KUBECONFIG')
  .option('--json <file>', 'write the report as JSON')
  .action(main)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  });
