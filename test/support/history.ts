import type { KubeObject } from '../../src/schema/kubernetes';
import type { WatchEvent } from './api-client';
import type { Target } from './target';
import { until } from './waiting';

interface List<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

type HistoryTarget = Pick<Target, 'request' | 'watch'>;

/** Every version of the objects at a path, as a watch tells of them: nothing is missed that lasts for less than a look. */
export class History<T extends KubeObject> {
  private readonly told: WatchEvent<T>[] = [];
  private readonly ended = new AbortController();
  private readonly watching: Promise<unknown>;

  private constructor(
    private readonly target: HistoryTarget,
    private readonly path: string,
    private readonly first: List<T>,
  ) {
    // A failure is told by end(); a test that fails before that has its own.
    this.watching = this.watch().catch((error: unknown) => (this.ended.signal.aborted ? undefined : error));
  }

  /** Begins with what happens next to the objects of a collection. */
  static async begin<T extends KubeObject>(target: HistoryTarget, path: string): Promise<History<T>> {
    return new History(target, path, (await target.request<List<T>>('GET', path)).body);
  }

  /**
   * What has happened up to now, in its order.
   *
   * @throws what ended the watch before
   */
  async end(): Promise<readonly WatchEvent<T>[]> {
    const versionOf = ({ metadata }: T) => metadata.resourceVersion;
    await until(async () => {
      const { items } = (await this.target.request<List<T>>('GET', this.path)).body;
      const known = [...this.first.items, ...this.told.map(({ object }) => object)].map(versionOf);
      expect(known).toEqual(expect.arrayContaining(items.map(versionOf)));
    });
    this.ended.abort();
    const failure = await this.watching;
    if (failure !== undefined) throw failure;
    return this.told;
  }

  /** A busy server ends watches now and then; the next one goes on where the last has ended. */
  private async watch(): Promise<void> {
    for (;;) {
      const from = this.told.at(-1)?.object.metadata.resourceVersion ?? this.first.metadata.resourceVersion;
      for await (const event of this.target.watch<T>(`${this.path}?watch=true&resourceVersion=${from}`, this.ended.signal)) {
        if (event.type === 'ERROR') throw new Error(`watch of ${this.path}: expected changes, got ${JSON.stringify(event.object)}`);
        this.told.push(event);
      }
    }
  }
}

/** The versions of one object, oldest first. */
export function versionsOf<T extends KubeObject>(changes: readonly WatchEvent<T>[], name: string): readonly T[] {
  return changes.flatMap(({ type, object }) => (type !== 'DELETED' && object.metadata.name === name ? [object] : []));
}
