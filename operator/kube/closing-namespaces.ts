import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { KubeObject } from '../../src/schema/kubernetes';
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

/**
 * Namespaces that are being deleted, or are gone, as refusals of new objects in them told; nobody needs the right to read namespaces for it.
 *
 * Only what is new is refused there: deletes, patches and thus finalizers go on.
 */
export class ClosingNamespaces {
  private readonly closing = new Map<string, Closing>();

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Learns from the failure of a create; whether it was because the namespace takes nothing new. */
  note(namespace: string, error: unknown): boolean {
    if (!isNamespaceClosing(error)) return false;
    if (!this.closing.has(namespace)) this.log.info({ namespace }, 'namespace takes nothing new');
    this.closing.delete(namespace);
    this.closing.set(namespace, { refusal: error, untilMs: this.clock.monotonicMs() + CLOSED_MS });
    for (const oldest of this.closing.size > MAX_REMEMBERED ? this.closing.keys() : []) {
      this.closing.delete(oldest);
      break;
    }
    return true;
  }

  /** How long nothing new is to be made in the namespace, in ms; 0 for one that is open, as far as is known. */
  waitMs(namespace: string): number {
    return Math.max(0, (this.closing.get(namespace)?.untilMs ?? 0) - this.clock.monotonicMs());
  }

  /** Throws the refusal of a namespace that is closing, so that nobody need ask for it again. @throws ApiError */
  expectOpen(namespace: string): void {
    const { refusal } = this.closing.get(namespace) ?? {};
    if (refusal !== undefined && this.waitMs(namespace) > 0) throw refusal;
  }

  /** Opens a namespace with every object of the cache that is new: a closing one takes none, so it is another of the same name. */
  reopenWith(cache: Pick<ObjectCache<KubeObject>, 'onChange'>): void {
    cache.onChange(({ before, after }) => {
      if (after !== undefined && before?.metadata.uid !== after.metadata.uid) this.closing.delete(after.metadata.namespace ?? '');
    });
  }
}
