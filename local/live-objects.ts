import type { KubeApi } from '../operator/kube/api';
import { Informer } from '../operator/kube/informer';
import type { ResourceType } from '../operator/kube/resource-types';
import { systemClock as clock } from '../src/program/clock';
import { createLogger } from '../src/program/log';
import type { KubeObject } from '../src/schema/kubernetes';

/** Objects of one kind, kept up to date by a watch until the signal aborts. */
export class LiveObjects<T extends KubeObject> {
  private readonly informer: Informer<T>;

  private constructor(api: KubeApi, type: ResourceType<T>) {
    this.informer = new Informer<T>({ api, type, namespaces: [], clock, log: createLogger('sandboxes', 'error') });
  }

  /** Lists the objects and begins to watch them. */
  static async watch<T extends KubeObject>(api: KubeApi, type: ResourceType<T>, signal: AbortSignal): Promise<LiveObjects<T>> {
    const live = new LiveObjects(api, type);
    void live.informer.run(signal);
    await live.informer.synced;
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
   * @param key `<namespace>/<name>`
   * @param timeoutMs longest wait
   * @param describe what is wanted and what is there instead, for the error
   * @throws Error when the time is over or the signal aborts
   */
  async until(key: string, isWanted: (object: T) => boolean, timeoutMs: number, describe: (object: T | undefined) => string, signal: AbortSignal): Promise<T> {
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
      const timer = setTimeout(() => end(() => reject(new Error(describe(this.informer.cache.get(key))))), timeoutMs);
      const stopListening = this.informer.cache.onChange(look);
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
      look();
    });
  }
}
