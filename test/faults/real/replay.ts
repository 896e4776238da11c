import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { ExecutorTask } from '../../../src/schema/executor-api';
import type { KubeObject, Pod } from '../../../src/schema/kubernetes';
import type { Pool } from '../../../src/schema/pool';
import type { Evidence, SentRequest, StoredChange } from '../checks/evidence';
import { SafetyCheck, type Violation } from '../checks/safety';
import type { Run } from '../executors';
import { NAMESPACE } from '../paths';
import type { Chronicle, Happening } from './chronicle';

/** What came of a replay. */
export interface Judgement {
  readonly violations: readonly Violation[];
  /** How much there was to judge: changes, starts of tasks, and deletes of pods by the operator. */
  readonly changes: number;
  readonly starts: number;
  readonly deletes: number;
}

/**
 * Judges what a chronicle holds, in the order of its revisions: what was told late, or at the same time, comes where it belongs.
 *
 * A start comes after all that was stored when it was asked for, so what the operator had recorded before it sent the task is there. An end
 * comes no later than it was. Within a gap nothing is judged: what is known of it has no order.
 *
 * @param staleMs time in which the operator may act on what was true before, in ms
 */
export function replay(chronicle: Chronicle, staleMs: number): Judgement {
  const world = new ReplayedWorld(chronicle);
  const check = new SafetyCheck(world, staleMs);
  const violations: Violation[] = chronicle.deletes.filter(isWithoutUID).map(({ path }) => ({ rule: 'R110', message: `DELETE ${path} without a UID` }));
  for (const happening of inOrder(chronicle.happenings)) {
    const before = check.violations.length;
    world.advance(happening, check);
    const isBlind = chronicle.gaps.some(([from, to]) => from < happening.revision && happening.revision <= to);
    if (!isBlind) violations.push(...check.violations.slice(before));
  }
  return { violations, changes: chronicle.happenings.filter((happening) => 'change' in happening).length, starts: world.runs.length, deletes: world.deletes };
}

/** Changes first: the others say what they come after. */
function inOrder(happenings: readonly Happening[]): readonly Happening[] {
  const rank = (happening: Happening) => ('change' in happening ? 0 : 1);
  return [...happenings].sort((a, b) => a.revision - b.revision || rank(a) - rank(b)); // equals stay in the order in which they were told
}

function isWithoutUID({ body }: SentRequest): boolean {
  return body === '' || (JSON.parse(body) as { preconditions?: { uid?: string } }).preconditions?.uid === undefined;
}

/** What comes after something else is later, though it was told before, in ms. */
const TICK_MS = 0.001;

/** The world as it was at one place of a chronicle. */
class ReplayedWorld implements Evidence {
  readonly runs: Run[] = [];
  /** Deletes of pods that were judged. */
  deletes = 0;
  private ms = 0;
  private readonly objects = { pods: new Map<string, KubeObject>(), pools: new Map<string, KubeObject>(), batchsandboxes: new Map<string, KubeObject>() };
  /** Runs as they were told of, to the ones shown here. */
  private readonly shown = new Map<Run, Run>();
  /** Tasks that executors hold. */
  private readonly held = new Set<Run>();

  constructor(private readonly chronicle: Chronicle) {}

  /** Moves to the next happening, and has it judged. */
  advance(happening: Happening, check: SafetyCheck): void {
    this.ms = Math.max(this.ms + TICK_MS, happening.atMs);
    if ('change' in happening) this.change(happening.change, happening.revision, check);
    else this.task(happening, check);
  }

  nowMs(): number {
    return this.ms;
  }

  pods(): readonly Pod[] {
    return [...this.objects.pods.values()] as readonly Pod[];
  }

  pod(name: string): Pod | undefined {
    return this.objects.pods.get(name) as Pod | undefined;
  }

  pools(): readonly Pool[] {
    return [...this.objects.pools.values()] as unknown as readonly Pool[];
  }

  batches(): readonly BatchSandbox[] {
    return [...this.objects.batchsandboxes.values()] as unknown as readonly BatchSandbox[];
  }

  tasksOf(podUID: string): readonly ExecutorTask[] {
    return [...this.held].filter((run) => run.podUID === podUID).map(toTask);
  }

  note(what: string): void {
    this.chronicle.note(what);
  }

  private change(change: StoredChange, revision: number, check: SafetyCheck): void {
    const { plural, type, object } = change;
    const request = this.chronicle.writes.get(revision);
    // The answer to a delete shows the object as it is, also when somebody else has deleted it before.
    if (request !== undefined && !(request.method === 'DELETE' && this.chronicle.otherDeletes.has(revision))) {
      if (plural === 'pods' && request.method === 'DELETE') this.deletes += 1;
      check.judgeRequest('operator', toCommonNamespace(request));
    }
    const objects = this.objects[plural as keyof typeof this.objects];
    if (type === 'DELETED') objects.delete(object.metadata.name);
    else objects.set(object.metadata.name, object);
    check.observe(change);
  }

  private task({ moment, run, exitCode }: Extract<Happening, { moment: unknown }>, check: SafetyCheck): void {
    if (moment === 'start') {
      const shown: Run = { ...run, startedAtMs: this.ms, endedAtMs: undefined, exitCode: undefined };
      this.shown.set(run, shown);
      this.runs.push(shown);
      this.held.add(shown);
      check.judgeStart(shown);
      return;
    }
    const shown = this.shown.get(run);
    if (shown === undefined) return;
    if (moment === 'end') {
      shown.endedAtMs = this.ms;
      shown.exitCode = exitCode ?? -1;
      check.noteEnd(shown);
    } else if (moment === 'drop') check.judgeDrop(shown);
    else this.held.delete(shown);
  }
}

/** What an executor says of a run. */
export function toTask({ name, batchUID, exitCode, endedAtMs }: Run): ExecutorTask {
  const terminated = { exitCode: exitCode ?? -1, reason: exitCode === 0 ? 'Succeeded' : exitCode === undefined || exitCode < 0 ? 'Stopped' : 'Failed', finishedAt: '' } as const;
  return { name, uid: batchUID, process: {}, processStatus: endedAtMs === undefined ? { running: { startedAt: '' } } : { terminated } };
}

/** The request as one of the namespace that the checks know. */
function toCommonNamespace(request: SentRequest): SentRequest {
  return { ...request, path: request.path.replace(/\/namespaces\/[^/]+\//, `/namespaces/${NAMESPACE}/`) };
}
