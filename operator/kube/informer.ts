import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { KubeObject } from '../../src/schema/kubernetes';
import type { KubeApi } from './api';
import { isNotFound } from './api-error';
import { ObjectCache } from './cache';
import { Reflector } from './reflector';
import type { ResourceType } from './resource-types';

/** What an {@link Informer} needs. */
export interface InformerOptions<T extends KubeObject> {
  readonly api: KubeApi;
  readonly type: ResourceType<T>;
  /** Empty means all. */
  readonly namespaces: readonly string[];
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Cuts objects down before they are stored. @default - kept whole */
  readonly trim?: (object: T) => T;
  /** Longest time between two complete lists, in ms: what the watch did not tell is known by then. @default - 10 min */
  readonly relistMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Number from 0 up to 1. @default Math.random */
  readonly random?: () => number;
}

/** A cache of one kind and the reflectors that fill it: one for each namespace, or one for all. */
export class Informer<T extends KubeObject> {
  readonly cache: ObjectCache<T>;
  /** Resolves when every namespace has been listed. */
  readonly synced: Promise<void>;
  private readonly reflectors: readonly Reflector<T>[];

  constructor(options: InformerOptions<T>) {
    const { api, type, trim } = options;
    this.cache = new ObjectCache<T>({ read: (key) => readObject(api, type, key), trim });
    const namespaces = options.namespaces.length === 0 ? [undefined] : options.namespaces;
    const synced: Promise<void>[] = [];
    this.reflectors = namespaces.map((namespace) => {
      const { promise, sink } = tellFirstList(this.cache);
      synced.push(promise);
      return new Reflector<T>({ ...options, namespace, sink });
    });
    this.synced = Promise.all(synced).then(() => undefined);
  }

  /** Fills the cache and keeps it up to date until the signal aborts; resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.reflectors.map((reflector) => reflector.run(signal)));
  }

  /** Lists everything anew with the state of now: what a new leader needs before its first write. */
  async relist(): Promise<void> {
    await Promise.all(this.reflectors.map((reflector) => reflector.relist()));
  }

  /** Ms since the quietest of the reflectors heard from the server; a large age means that the cache is stale. */
  ageMs(): number {
    return Math.max(...this.reflectors.map((reflector) => reflector.ageMs()));
  }
}

/** The cache as a sink, and a promise of its first list through it. */
function tellFirstList<T extends KubeObject>(cache: ObjectCache<T>) {
  let listed: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    listed = resolve;
  });
  const sink = {
    beginList: (consistent: boolean) => cache.beginList(consistent),
    trim: (object: T) => cache.trim(object),
    replace: (token: number, items: readonly T[], namespace?: string) => {
      cache.replace(token, items, namespace);
      listed();
    },
    apply: (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T) => cache.apply(type, object),
  };
  return { promise, sink };
}

async function readObject<T extends KubeObject>(api: KubeApi, type: ResourceType<T>, key: string): Promise<T | undefined> {
  const [first = '', second] = key.split('/');
  try {
    return await api.get(type, second === undefined ? { name: first } : { namespace: first, name: second });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
