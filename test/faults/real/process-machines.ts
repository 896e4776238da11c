import { readFileSync } from 'node:fs';
import { findMarked, POD_MARKER, type ProcessIdentity, sendSignal } from '../../../local/nodes/marked-processes';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { ExecutorTask } from '../../../src/schema/executor-api';
import type { Pod, PodTemplateSpec } from '../../../src/schema/kubernetes';
import { renderPodTemplate } from '../../support/pod-template';
import type { Violation } from '../checks/safety';
import type { Run } from '../executors';
import type { Image } from '../nodes';
import type { TaskSpec } from '../operations';
import type { DirectClient } from './access';
import type { PlacedChange } from './change-watch';
import type { Machines, TaskListener } from './machines';
import { toTask } from './replay';
import { type TaskOwner, TaskServer } from './task-server';

const IMAGES = { main: 'busybox:1.36', executor: 'sandbox-executor:test' };
/** Main process of a pod; no task has this command line. */
const MAIN = ['sleep', 'infinity'];
/** Slots that a batch may come to have. */
const MOST_SLOTS = 6;
/** Longest time until this process hears that another is over, in ms: it has much else to do. */
const LATE_MS = 1_000;

/** The embedded cluster's node, which runs pods as processes of this machine. */
export class ProcessMachines implements Machines {
  private readonly over = new AbortController();
  private readonly owners = new Map<string, TaskOwner>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly frozen = new Set<ProcessIdentity>();
  /** Revisions that were seen, and when. */
  private seen: { readonly atMs: number; readonly revision: number }[] = [];
  private marks = 0;
  private tasks: TaskServer | undefined;

  private constructor() {
    // Made by `start`.
  }

  static async start(client: DirectClient, onTask: TaskListener): Promise<ProcessMachines> {
    const machines = new ProcessMachines();
    machines.tasks = await TaskServer.start({
      ask: () => client.revision(machines.over.signal),
      earlier: () => machines.revisionBefore(performance.now() - LATE_MS),
      ownerOf: (mark) => machines.owners.get(mark),
      onTask,
    });
    return machines;
  }

  templateOf(image: Image, version: number): PodTemplateSpec {
    return renderPodTemplate(IMAGES, { executor: true, command: image === 'broken' ? ['/no/such/program'] : MAIN, env: [{ name: 'VERSION', value: String(version) }] });
  }

  /** Every slot learns its number, which no template can say. */
  taskFields({ seconds, exitCode, manner, badSlot }: TaskSpec): object {
    this.marks += 1;
    const command = this.tasks?.command(`mark-${this.marks}`, seconds, exitCode, manner);
    const patchOf = (slot: number) => ({ spec: { process: { env: [{ name: 'SLOT', value: String(slot) }], ...(slot === badSlot && { command: [] }) } } });
    return { taskTemplate: { spec: { process: { command } } }, shardTaskPatches: Array.from({ length: MOST_SLOTS + 1 }, (_, slot) => patchOf(slot)) };
  }

  observe({ plural, object, revision }: PlacedChange): void {
    if (revision > (this.seen.at(-1)?.revision ?? 0)) this.seen.push({ atMs: performance.now(), revision });
    if (plural !== 'batchsandboxes') return;
    const { metadata, spec } = object as BatchSandbox;
    const process = (spec.taskTemplate as { readonly spec?: { readonly process?: { readonly command?: readonly string[] } } } | undefined)?.spec?.process;
    const mark = process?.command?.[5];
    if (mark !== undefined && !this.owners.has(mark)) this.owners.set(mark, { batchUID: metadata.uid ?? '', batchName: metadata.name });
  }

  restartContainer(pod: Pod): void {
    this.fail(pod);
  }

  fail({ metadata: { uid = '' } }: Pod): void {
    for (const process of processesOf(uid, (argv) => argv.join(' ') === MAIN.join(' '))) sendSignal(process, 'SIGKILL');
  }

  /** Its executor does not answer for a while, which is what the pod is asked whether it is Ready. */
  shake({ metadata: { uid = '' } }: Pod, forMs: number): void {
    for (const process of processesOf(uid, isExecutor)) {
      sendSignal(process, 'SIGSTOP');
      this.frozen.add(process);
      this.timers.add(setTimeout(() => this.thaw(process), forMs));
    }
  }

  /** The node starts it again, when it thinks it right. */
  restart(podUID: string): void {
    for (const process of processesOf(podUID, isExecutor)) sendSignal(process, 'SIGKILL');
  }

  runsOn(podUIDs: ReadonlySet<string>): readonly Run[] {
    return (this.tasks?.runs ?? []).filter(({ podUID }) => podUIDs.has(podUID));
  }

  /** What the tasks themselves have told; of one that was killed nobody knows what its executor says. */
  tasksOf(podUID: string): readonly ExecutorTask[] {
    return (this.tasks?.runs ?? []).filter((run) => run.podUID === podUID && (run.endedAtMs === undefined || (run.exitCode ?? -1) >= 0)).map(toTask);
  }

  calm(): void {
    for (const process of this.frozen) this.thaw(process);
  }

  left(podUIDs: ReadonlySet<string>): readonly Violation[] {
    return processesWith((uid) => podUIDs.has(uid)).map(({ pid }) => ({ rule: 'R50', message: `process ${pid} of a pod that is gone is left: ${commandLine(pid).join(' ').slice(0, 100)}` }));
  }

  async close(): Promise<void> {
    this.over.abort();
    for (const timer of this.timers) clearTimeout(timer);
    this.calm();
    await this.tasks?.close();
  }

  private thaw(process: ProcessIdentity): void {
    this.frozen.delete(process);
    sendSignal(process, 'SIGCONT');
  }

  private revisionBefore(atMs: number): number {
    return this.seen.findLast((each) => each.atMs <= atMs)?.revision ?? 0;
  }
}

const isExecutor = (argv: readonly string[]) => argv.some((argument) => argument.endsWith('sandbox-executor.js'));

const processesWith = (isWanted: (podUID: string) => boolean) => findMarked(POD_MARKER, isWanted);

function processesOf(podUID: string, isWanted: (argv: readonly string[]) => boolean): ProcessIdentity[] {
  return processesWith((uid) => uid === podUID).filter(({ pid }) => isWanted(commandLine(pid)));
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return []; // it has ended
  }
}
