import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { KubeObject, Pod } from '../../../src/schema/kubernetes';
import type { Pool } from '../../../src/schema/pool';
import type { SentRequest } from '../checks/evidence';
import type { Run } from '../executors';
import type { PlacedChange } from './change-watch';

/** What becomes of a task: its executor starts it, its process is over, its executor is to forget it, its executor has forgotten it. */
export type TaskMoment = 'start' | 'end' | 'drop' | 'forget';

/** Something that has happened in a namespace, with its place: after all changes up to this revision, or, of a change, the one that made it. */
export type Happening = { readonly revision: number; readonly atMs: number } & (
  | { readonly change: PlacedChange }
  | { readonly moment: TaskMoment; readonly run: Run; readonly exitCode?: number }
);

/** What one namespace was seen to be, in the order in which it was told. */
export class Chronicle {
  readonly happenings: Happening[] = [];
  /** First and last revision of stretches of which only the result is known. */
  readonly gaps: (readonly [from: number, to: number])[] = [];
  /** The operator's writes, but those of statuses, by the revisions that they made. */
  readonly writes = new Map<number, SentRequest>();
  /** Revisions of the answers to deletes of others. */
  readonly otherDeletes = new Set<number>();
  /** All deletes of pods that the operator asked for. */
  readonly deletes: SentRequest[] = [];
  /** Lines for those who read a history that has failed. */
  readonly lines: string[] = [];
  private readonly objects = { pods: new Map<string, KubeObject>(), pools: new Map<string, KubeObject>(), batchsandboxes: new Map<string, KubeObject>() };
  /** UID of every pod that there ever was. */
  readonly podUIDs = new Set<string>();
  /** Of the last change that was seen. */
  lastRevision = 0;

  /** @param nowMs time in ms, from any zero */
  constructor(readonly nowMs: () => number) {}

  change(change: PlacedChange): void {
    const { plural, type, object, revision } = change;
    this.lastRevision = Math.max(this.lastRevision, revision);
    this.happenings.push({ revision, atMs: this.nowMs(), change });
    const objects = this.objects[plural as keyof typeof this.objects];
    if (type === 'DELETED') objects.delete(object.metadata.name);
    else objects.set(object.metadata.name, object);
    if (plural === 'pods') this.podUIDs.add(object.metadata.uid ?? '');
  }

  /** Something has become of a task, after all changes up to the revision. */
  task(moment: TaskMoment, run: Run, revision: number, exitCode?: number): void {
    this.happenings.push({ revision, atMs: this.nowMs(), moment, run, ...(exitCode !== undefined && { exitCode }) });
  }

  note(what: string): void {
    this.lines.push(`${this.nowMs().toFixed(0).padStart(6)} ms  ${what}`);
  }

  /** All pods as they were seen last, in the order of their names. */
  pods(): readonly Pod[] {
    return [...this.objects.pods.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)) as readonly Pod[];
  }

  pools(): readonly Pool[] {
    return [...this.objects.pools.values()] as unknown as readonly Pool[];
  }

  batches(): readonly BatchSandbox[] {
    return [...this.objects.batchsandboxes.values()] as unknown as readonly BatchSandbox[];
  }

  batch(name: string): BatchSandbox | undefined {
    return this.objects.batchsandboxes.get(name) as BatchSandbox | undefined;
  }
}
