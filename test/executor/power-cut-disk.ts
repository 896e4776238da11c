import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { type Disk, type DiskStep, systemDisk } from '../../executor/tasks/disk';

/** What a directory holds after a loss of power: text by path, null for a directory. */
export type Survivors = Readonly<Record<string, string | null>>;

interface FileNode {
  readonly text: string;
  isSynced: boolean;
}

class DirectoryNode {
  readonly synced = new Map<string, Entry>();
  /** Changes that no fsync has made durable, oldest first. */
  pending: ((entries: Map<string, Entry>) => void)[] = [];

  get current(): ReadonlyMap<string, Entry> {
    const entries = new Map(this.synced);
    this.pending.forEach((change) => change(entries));
    return entries;
  }

  sync(): void {
    this.pending.splice(0).forEach((change) => change(this.synced));
  }
}

type Entry = FileNode | DirectoryNode;

/**
 * A disk that does its work, and knows after each step everything that a loss of power could leave: of what is not synced, any part. Of two
 * changes of a directory the later one may survive alone, and a file that is not synced may be half there under a name that is.
 */
export class PowerCutDisk implements Disk {
  private readonly root = new DirectoryNode();

  /** @param onStep called after each step */
  constructor(
    private readonly folder: string,
    private readonly onStep: (step: DiskStep) => void,
  ) {}

  perform(step: DiskStep): Promise<void> {
    return Promise.resolve().then(() => this.performSync(step));
  }

  performSync(step: DiskStep): void {
    systemDisk.performSync(step);
    this.follow(step);
    this.onStep(step);
  }

  /** Makes a directory, as a runner's start does beside the disk of records. */
  makeDirectory(path: string): void {
    mkdirSync(path);
    const made = new DirectoryNode();
    this.parentOf(path).pending.push((entries) => entries.set(basename(path), made));
  }

  /** Everything that may be left when the power fails now, each once. */
  survivors(): readonly Survivors[] {
    const doubts = [...this.doubtsOf(this.root)];
    const all = Array.from({ length: 2 ** doubts.length }, (_, bits) => {
      const kept = new Set<unknown>(doubts.filter((_doubt, index) => (bits & (2 ** index)) !== 0));
      return Object.fromEntries(leftOf(this.root, '', kept));
    });
    return [...new Map(all.map((left) => [JSON.stringify(Object.entries(left).sort()), left])).values()];
  }

  private follow(step: DiskStep): void {
    const parent = this.parentOf(step.path);
    const name = basename(step.path);
    if (step.kind === 'write') {
      const file: FileNode = { text: step.text, isSynced: false };
      parent.pending.push((entries) => entries.set(name, file));
    } else if (step.kind === 'remove') {
      const removed = parent.current.get(name);
      if (removed instanceof DirectoryNode) removed.current.forEach((_entry, child) => removed.pending.push((entries) => entries.delete(child)));
      parent.pending.push((entries) => entries.delete(name));
    } else if (step.kind === 'rename') {
      const moved = this.find(step.path);
      const newName = basename(step.to);
      if (this.parentOf(step.to) !== parent) throw new Error('expected a rename within a directory');
      parent.pending.push((entries) => {
        entries.delete(name);
        entries.set(newName, moved);
      });
    } else {
      const entry = this.find(step.path);
      if (entry instanceof DirectoryNode) entry.sync();
      else entry.isSynced = true;
    }
  }

  private find(path: string): Entry {
    const names = relative(this.folder, path).split(sep).filter((name) => name !== '');
    return names.reduce<Entry>((entry, name) => {
      const found = entry instanceof DirectoryNode ? entry.current.get(name) : undefined;
      if (found === undefined) throw new Error(`expected '${path}' to be there`);
      return found;
    }, this.root);
  }

  private parentOf(path: string): DirectoryNode {
    const parent = path === this.folder ? this.root : this.find(dirname(path));
    if (!(parent instanceof DirectoryNode)) throw new Error(`expected a directory above '${path}'`);
    return parent;
  }

  /** What may survive or not: changes of directories, and texts of files. */
  private *doubtsOf(directory: DirectoryNode): Iterable<unknown> {
    yield* directory.pending;
    for (const entry of new Set([...directory.synced.values(), ...directory.current.values()])) {
      if (entry instanceof DirectoryNode) yield* this.doubtsOf(entry);
      else if (!entry.isSynced) yield entry;
    }
  }
}

function* leftOf(directory: DirectoryNode, prefix: string, kept: ReadonlySet<unknown>): Iterable<[string, string | null]> {
  const entries = new Map(directory.synced);
  directory.pending.filter((change) => kept.has(change)).forEach((change) => change(entries));
  for (const [name, entry] of entries) {
    const path = join(prefix, name);
    if (entry instanceof DirectoryNode) {
      yield [path, null];
      yield* leftOf(entry, path, kept);
    } else {
      yield [path, entry.isSynced || kept.has(entry) ? entry.text : entry.text.slice(0, entry.text.length / 2)];
    }
  }
}

/** Makes an empty directory hold what is left. */
export function restore(survivors: Survivors, folder: string): void {
  for (const [path, text] of Object.entries(survivors)) {
    if (text === null) mkdirSync(join(folder, path));
    else writeFileSync(join(folder, path), text);
  }
}
