import type { KubeObject } from '../../../src/schema/kubernetes';
import type { StoredChange } from '../checks/evidence';
import type { DirectClient } from './access';

/** A change with its place among all changes of all kinds. */
export interface PlacedChange extends StoredChange {
  readonly revision: number;
}

/** What a {@link ChangeWatch} tells. */
export interface ChangeListener {
  onChange(change: PlacedChange): void;
  /** What happened between these revisions is known by its result alone. */
  onGap(from: number, to: number): void;
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: KubeObject;
}

const revisionOf = ({ metadata }: { readonly metadata?: { readonly resourceVersion?: string } }) => Number(metadata?.resourceVersion ?? Number.NaN);

/** Time until it looks for a server that is away again, in ms. */
const RETRY_MS = 50;

/** Every change of the objects of a kind in all namespaces. Where a server has lost its history, it lists, and says that it has missed something. */
export class ChangeWatch {
  private readonly stopping = new AbortController();
  private readonly known = new Map<string, KubeObject>();
  private running: Promise<void> = Promise.resolve();
  private last = 0;

  /** @param base path of the kind, such as `/api/v1/pods` */
  constructor(
    private readonly client: DirectClient,
    private readonly plural: string,
    private readonly base: string,
    private readonly listener: ChangeListener,
  ) {}

  /** Lists, and watches from there on. */
  async start(): Promise<void> {
    await this.list(false);
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        if (!(await this.follow())) await this.list(true);
      } catch {
        if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Reads a watch to its end; false when the server has lost what came after the last change. */
  private async follow(): Promise<boolean> {
    const path = `${this.base}?watch=true&allowWatchBookmarks=true&resourceVersion=${this.last}`;
    for await (const line of this.client.watch(path, this.stopping.signal)) {
      const { type, object } = JSON.parse(line) as Partial<WatchEvent>;
      if (type === undefined || object === undefined || type === 'ERROR') return false;
      if (type !== 'BOOKMARK') this.tell(type, object, revisionOf(object));
      this.last = Math.max(this.last, revisionOf(object));
    }
    return true;
  }

  private async list(isLate: boolean): Promise<void> {
    const { status, body } = await this.client.request<{ readonly metadata: { readonly resourceVersion: string }; readonly items: readonly KubeObject[] }>('GET', this.base);
    if (status !== 200) throw new Error(`${this.base}: expected status 200, got ${status}`);
    const revision = revisionOf(body);
    if (isLate) this.listener.onGap(this.last, revision);
    const there = new Set(body.items.map(({ metadata }) => metadata.uid));
    for (const [uid, object] of [...this.known]) if (!there.has(uid)) this.tell('DELETED', object, revision);
    for (const object of body.items) {
      const before = this.known.get(object.metadata.uid ?? '');
      if (before === undefined) this.tell('ADDED', object, revisionOf(object));
      else if (revisionOf(before) !== revisionOf(object)) this.tell('MODIFIED', object, revisionOf(object));
    }
    this.last = revision;
  }

  private tell(type: StoredChange['type'], object: KubeObject, revision: number): void {
    const { uid = '' } = object.metadata;
    if (type === 'DELETED') this.known.delete(uid);
    else this.known.set(uid, object);
    this.listener.onChange({ plural: this.plural, type, object, revision });
  }
}
