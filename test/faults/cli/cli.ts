import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { generateSteps, type Step } from '../operations';
import { Random } from '../random';
import { type Outcome, play } from '../run';
import { shrink } from '../shrink';
import { playInRealWorld, REAL_WORLDS, type RealOptions, type RealWorldName } from './real';

/** A history in a file. */
interface Recorded {
  readonly seed: string;
  readonly steps: readonly Step[];
}

interface Options {
  readonly seed: number;
  readonly steps: number;
  readonly seeds: number;
  readonly jobs: number;
  readonly replay?: string;
  readonly tail: number;
  readonly shrink: boolean;
  readonly real?: RealWorldName;
}

/** Histories tried to shorten one that fails. */
const SHRINK_BUDGET = 150;
/** The exit code is the number of failures, as far as an exit code goes. */
const MAX_EXIT_CODE = 100;

async function run(options: Options): Promise<number> {
  const { seed, steps, seeds, jobs, replay, tail, shrink: shrinks, real } = options;
  if (real !== undefined) return reportReal({ ...options, real }, tail);
  if (replay !== undefined) return report(JSON.parse(readFileSync(replay, 'utf8')) as Recorded, tail, false);
  const startedAtMs = performance.now();
  let failed = 0;
  if (jobs > 1 && seeds > 1) failed = await runInJobs(options);
  else {
    for (let number = seed; number < seed + seeds; number++) {
      const text = String(number);
      failed += await report({ seed: text, steps: generateSteps(new Random(text), steps) }, tail, shrinks);
    }
  }
  if (seeds > 1) print(`${seeds} seeds of ${steps} steps in ${seconds(startedAtMs)} s: ${failed} failed`);
  return failed;
}

/** Shares the seeds among processes of this program; the number of those that failed. */
async function runInJobs({ seed, steps, seeds, jobs, tail, shrink: shrinks }: Options): Promise<number> {
  const each = Math.ceil(seeds / jobs);
  const runs = Array.from({ length: jobs }, async (_, job): Promise<number> => {
    const count = Math.min(each, seeds - job * each);
    if (count <= 0) return 0;
    const options = [`--seed=${seed + job * each}`, `--seeds=${count}`, `--steps=${steps}`, '--jobs=1', `--tail=${tail}`, ...(shrinks ? [] : ['--no-shrink'])];
    const child = spawn(process.execPath, [__filename, ...options], { stdio: 'inherit' });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? count;
  });
  return (await Promise.all(runs)).reduce((sum, failed) => sum + failed, 0);
}

/** Plays a history and says how it went; 1 when a rule was broken. */
async function report(recorded: Recorded, tail: number, shrinks: boolean): Promise<number> {
  const startedAtMs = performance.now();
  const outcome = await play(recorded.seed, recorded.steps);
  const { violation, digest, eventCount, virtualMs } = outcome;
  print(
    `seed ${recorded.seed}: ${violation === undefined ? 'ok' : `${violation.rule}: ${violation.message}`}; ` +
      `${recorded.steps.length} steps, ${eventCount} events, ${Math.round(virtualMs / 1000)} s of virtual time, ${seconds(startedAtMs)} s, digest ${digest.slice(0, 16)}`,
  );
  if (violation === undefined) return 0;
  printTail(outcome, tail);
  if (shrinks) await reportShortest(recorded, violation.rule, tail);
  return 1;
}

async function reportShortest(recorded: Recorded, rule: string, tail: number): Promise<void> {
  const fails = async (steps: readonly Step[]) => (await play(recorded.seed, steps)).violation?.rule === rule;
  const steps = await shrink(recorded.steps, fails, SHRINK_BUDGET);
  const outcome = await play(recorded.seed, steps);
  const file = `faults-${recorded.seed}.json`;
  writeFileSync(file, JSON.stringify({ seed: recorded.seed, steps }, undefined, 1));
  print(`shortest history found, ${steps.length} of ${recorded.steps.length} steps, breaks ${outcome.violation?.rule ?? ''}: ${outcome.violation?.message ?? ''}`);
  for (const step of steps) print(`  ${JSON.stringify(step)}`);
  printTail(outcome, tail);
  print(`replay it:      npm run faults -- --replay ${file}`);
  print(`the whole one:  npm run faults -- --seed ${recorded.seed} --steps ${recorded.steps.length}`);
}

/** Plays histories in a real world and says how they went; the number of those that failed. Real time has no second time, so nothing is shortened. */
async function reportReal(options: RealOptions, tail: number): Promise<number> {
  const startedAtMs = performance.now();
  const { outcomes, operatorStarts, operatorLog } = await playInRealWorld(options);
  for (const { seed, violations, judged, lines } of outcomes) {
    print(`seed ${seed}, ${options.real}: ${violations.length === 0 ? 'ok' : 'failed'}; ${judged.changes} changes, ${judged.starts} starts of tasks, ${judged.deletes} deletes`);
    for (const { rule, message } of violations) print(`  ${rule}: ${message}`);
    if (violations.length > 0 || tail > 0) for (const line of tail === 0 ? [] : lines.slice(-tail)) print(`    ${line.slice(0, 400)}`);
  }
  const failed = outcomes.filter(({ violations }) => violations.length > 0).length;
  for (const line of failed === 0 || tail === 0 ? [] : operatorLog) print(`    ${line.slice(0, 400)}`);
  print(`${outcomes.length} seeds of ${options.steps} steps in ${seconds(startedAtMs)} s, ${operatorStarts} operators`);
  return failed;
}

function printTail(outcome: Outcome, count: number): void {
  for (const line of count === 0 ? [] : outcome.tail.slice(-count)) print(`    ${line.slice(0, 400)}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const seconds = (sinceMs: number) => ((performance.now() - sinceMs) / 1000).toFixed(1);

function toCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError(`expected a whole number from 0 to 999999999, got '${text}'`);
  return Number(text);
}

const program = new Command('faults')
  .description('Plays histories of operations and faults against the operator, in one process and in virtual time, and checks the rules.')
  .option('--seed <number>', 'first seed; a seed gives the same history every time', toCount, 1)
  .option('--seeds <count>', 'number of seeds, from the first on', toCount, 1)
  .option('--steps <count>', 'operations in each history', toCount, 500)
  .option('--jobs <count>', 'processes that share the seeds', toCount, availableParallelism())
  .option('--replay <file>', 'play the history of a file instead')
  .option('--tail <lines>', 'lines of the history to show of one that fails, up to 400', toCount, 0)
  .addOption(new Option('--real <world>', 'play in real time instead, all seeds at once in one cluster').choices(REAL_WORLDS))
  .option('--no-shrink', 'do not look for a shorter history that fails')
  .action(async (options: Options) => {
    process.exitCode = Math.min(await run(options), MAX_EXIT_CODE);
  });

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
