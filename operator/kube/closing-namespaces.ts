import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import { type KubeObject, objectKey } from '../../src/schema/kubernetes';
import { type ApiError, isNamespaceClosing } from './api-error';
import type { ObjectCache } from './cache';

/** So long nothing new is made in a namespace after a refusal, in ms: one whose deletion hangs costs a request a minute. */
const CLOSED_MS = 60_000;
/** Namespaces that are remembered; the one that was refused first is forgotten, and asked once more. */
const MAX_REMEMBERED = 1_000;

interface Closing {
  readonly refusal: ApiError;
  /** By the monotonic clock. */
  readonly untilMs: number;
}

/** A namespace in which something is being made. */
interface BusySpace {
  underWay: number;
  /** How often it has opened since the first of what is under way. */
  openings: number;
}

/** Objects that show that a namespace is open, and what to do for each of them when it opens. */
interface Follower {
  readonly cache: Pick<ObjectCache<KubeObject>, 'values'>;
  readonly wake: (key: string) => void;
}

/**
 * Namespaces that are being deleted, or are gone, as refusals of new objects in them told; nobody needs the right to read namespaces for it.
 *
 * Only what is new is refused there: deletes, patches and thus finalizers go on.
 */
export class ClosingNamespaces {
  private readonly closing = new Map<string, Closing>();
  private readonly busy = new Map<string, BusySpace>();
  private readonly followers: Follower[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /**
   * Makes something new in a namespace by `send`, and learns from its failure whether the namespace takes anything new.
   *
   * A refusal that comes after the namespace has opened closes nothing: it may be of one that is gone by now, whose name another has.
   *
   * @throws what `send` throws; of a namespace that is closing its last refusal, and nothing is sent
   */
  async create<T>(namespace: string, send: () => Promise<T>): Promise<T> {
    const { refusal } = this.closing.get(namespace) ?? {};
    if (refusal !== undefined && this.waitMs(namespace) > 0) throw refusal;
    const space = this.busy.get(namespace) ?? { underWay: 0, openings: 0 };
    const { openings } = space;
    space.underWay += 1;
    this.busy.set(namespace, space);
    try {
      return await send();
    } catch (error) {
      if (isNamespaceClosing(error) && space.openings === openings) this.close(namespace, error);
      throw error;
    } finally {
      space.underWay -= 1;
      if (space.underWay === 0) this.busy.delete(namespace);
    }
  }

  /** How long nothing new is to be made in the namespace, in ms; 0 for one that is open, as far as is known. */
  waitMs(namespace: string): number {
    return Math.max(0, (this.closing.get(namespace)?.untilMs ?? 0) - this.clock.monotonicMs());
  }

  /**
   * Opens a namespace with every object of the cache that is new: a closing one takes none, so it is another of the same name.
   *
   * @param wake looks at an object of the cache, by its key; called for each in a namespace that opens, since what it misses can be made now.
   *   @default - nothing is looked at
   */
  reopenWith<T extends KubeObject>(cache: Pick<ObjectCache<T>, 'onChange' | 'values'>, wake: (key: string) => void = () => undefined): void {
    this.followers.push({ cache, wake });
    cache.onChange(({ before, after }) => {
      if (after !== undefined && before?.metadata.uid !== after.metadata.uid) this.open(after.metadata.namespace ?? '');
    });
  }

  private close(namespace: string, refusal: ApiError): void {
    if (!this.closing.has(namespace)) this.log.info({ namespace }, 'namespace takes nothing new');
    this.closing.delete(namespace);
    this.closing.set(namespace, { refusal, untilMs: this.clock.monotonicMs() + CLOSED_MS });
    for (const oldest of this.closing.size > MAX_REMEMBERED ? this.closing.keys() : []) {
      this.closing.delete(oldest);
      break;
    }
  }

  private open(namespace: string): void {
    const space = this.busy.get(namespace);
    if (space !== undefined) space.openings += 1;
    if (!this.closing.delete(namespace)) return;
    for (const { cache, wake } of this.followers) {
      for (const object of cache.values()) if (object.metadata.namespace === namespace) wake(objectKey(object));
    }
  }
}
