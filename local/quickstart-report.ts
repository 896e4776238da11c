import type { RankedWords } from './word-count';

/** What the quickstart found out. Times in ms. */
export interface QuickstartReport {
  /** Sandboxes that were delivered, each with an address of its own that answers. */
  readonly delivered: number;
  /** From just before the create of the batch until a watch shows all addresses and `ready` of them. */
  readonly deliverMs: number;
  /** API writes to the batch and its pods from create to delivery, the create included. */
  readonly batchWrites: number;
  readonly tasks: { readonly succeeded: number; readonly failed: number };
  /** True only when the merged answer of all tasks has been compared with one process over the whole input and is the same. */
  readonly merged: boolean;
  readonly wallMs: number;
  readonly replicas: number;
  /** From the create of the pool until it had `replicas` available pods. */
  readonly poolReadyMs: number;
  /** From delivery until every task had ended. */
  readonly tasksMs: number;
  /** All writes of the run, as `VERB kind[/subresource]`. */
  readonly apiWrites: Readonly<Record<string, number>>;
  readonly input: { readonly files: number; readonly bytes: number; readonly words: number; readonly differentWords: number };
  readonly topWords: RankedWords;
}

/** What went wrong, in the error form; empty when all is well. */
export function findShortfalls({ replicas, delivered, tasks, merged }: QuickstartReport): string[] {
  const all = String(replicas);
  return [
    ...(delivered === replicas ? [] : [`sandboxes: expected ${all} that answer, got ${String(delivered)}`]),
    ...(tasks.succeeded === replicas ? [] : [`tasks: expected ${all} to succeed, got ${String(tasks.succeeded)} (${String(tasks.failed)} failed)`]),
    ...(merged ? [] : ['word counts: expected the merged counts of all tasks to equal those of one process, got others']),
  ];
}

/** The report for people. */
export function toReportText(report: QuickstartReport, manifestsFolder: string): string {
  const { delivered, replicas, deliverMs, batchWrites, tasks, merged, wallMs, poolReadyMs, tasksMs, input, topWords } = report;
  const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
  const seconds = (value: number) => `${(value / 1000).toFixed(1)} s`;
  const words = topWords.map(({ word, count }) => `${word} ${String(count)}`).join(', ');
  return [
    '',
    `delivered    ${String(delivered)} of ${String(replicas)} sandboxes in ${ms(deliverMs)}, each with its own address that answers`,
    `API writes   ${String(batchWrites)} for the batch, whatever its size`,
    `tasks        ${String(tasks.succeeded)} succeeded, ${String(tasks.failed)} failed, in ${seconds(tasksMs)}`,
    `input        ${String(input.words)} words (${String(input.differentWords)} different), ${String(input.bytes)} bytes, files: ${String(input.files)}`,
    `merged       ${merged ? 'equal to' : 'DIFFERENT from'} the counts of one process over the whole input`,
    `top words    ${words}`,
    `times        pool of ${String(replicas)} warm in ${seconds(poolReadyMs)}, all in ${seconds(wallMs)}`,
    '',
    `The manifests are in ${manifestsFolder}/. Next: npx sandboxes up ${manifestsFolder}, then kubectl in another terminal; or npx sandboxes --help.`,
  ].join('\n');
}
