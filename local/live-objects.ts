import type { KubeApi } from '../operator/kube/api';
import { Informer } from '../operator/kube/informer';
import type { ResourceType } from '../operator/kube/resource-types';
import { systemClock as clock } from '../src/program/clock';
import { createLogger } from '../src/program/log';
import type { KubeObject } from '../src/schema/kubernetes';

/** A state of an object to wait for. */
export interface Wish<T> {
  /** `<namespace>/<name>`. */
  readonly key: string;
  readonly isWanted: (object: T) => boolean;
  /** Longest wait, in ms. */
  readonly timeoutMs: number;
  /** What is expected and what is there instead, for the error. */
  readonly describe: (last: T | undefined) => string;
  readonly signal: AbortSignal;
}

/** Objects of one kind, kept up to date by a watch until the signal aborts. */
export class LiveObjects<T extends KubeObject> {
  private readonly informer: Informer<T>;

  private constructor(api: KubeApi, type: ResourceType<T>) {
    this.informer = new Informer<T>({ api, type, namespaces: [], clock, log: createLogger('sandboxes', 'error') });
  }

  /** Lists the objects and begins to watch them. @throws the reason of the signal when it aborts before the list is there */
  static async watch<T extends KubeObject>(api: KubeApi, type: ResourceType<T>, signal: AbortSignal): Promise<LiveObjects<T>> {
    const live = new LiveObjects(api, type);
    const running = live.informer.run(signal);
    await Promise.race([live.informer.synced, running]);
    signal.throwIfAborted();
    return live;
  }

  /** All objects now. */
  values(): T[] {
    return [...this.informer.cache.values()];
  }

  /** Calls the listener with each object that is new or has changed. */
  onChange(listener: (object: T) => void): () => void {
    return this.informer.cache.onChange(({ after }) => {
      if (after !== undefined) listener(after);
    });
  }

  /**
   * Waits until an object is as wanted, and returns it.
   *
   * @throws Error when the time is over; the reason of the signal when it aborts
   */
  async until({ key, isWanted, timeoutMs, describe, signal }: Wish<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = (settle: () => void) => {
        stopListening();
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      const look = () => {
        const object = this.informer.cache.get(key);
        if (object !== undefined && isWanted(object)) end(() => resolve(object));
      };
      const onAbort = () => end(() => reject(signal.reason as Error));
      const onTimeout = () => {
        const message = `${describe(this.informer.cache.get(key))} after ${String(timeoutMs / 1000)} s`;
        end(() => reject(new Error(message)));
      };
      const timer = setTimeout(onTimeout, timeoutMs);
      const stopListening = this.informer.cache.onChange(look);
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
      look();
    });
  }
}
