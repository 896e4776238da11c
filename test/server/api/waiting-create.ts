import type { KubeApi } from '../../../operator/kube/api';
import { PoolStore } from '../../../server/pools/pool-store';
import { untilReady } from '../../../server/sandboxes/creation';
import { SandboxStore } from '../../../server/sandboxes/sandbox-store';
import { createLogger } from '../../../src/program/log';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { KubeObject } from '../../../src/schema/kubernetes';
import { Annotation } from '../../../src/schema/names';
import type { Pool } from '../../../src/schema/pool';
import { ManualClock, settle } from '../../support/manual-clock';

/** When creates begin here. */
export const BEGIN = new Date('2026-01-01T00:00:00Z');
/** How long a create waits here for a pod that comes back, and for all, in ms. */
export const [ROOM_MS, READY_MS] = [1_000, 20_000];

/** More than any create here needs, one after another. */
const MOST_LISTENERS = 50;

/** A sandbox that has a pod of a pool; of none where that is empty. */
export const holding = (name: string, poolRef = 'warm', metadata: object = {}): BatchSandbox => ({
  metadata: { name, uid: name, annotations: { [Annotation.endpoints]: '["10.0.0.1"]' }, ...metadata },
  spec: { replicas: 1, ...(poolRef !== '' && { poolRef }) },
});

/** Both stores of a server that has just started, as long as nobody else writes. */
export function quietStores(clock: ManualClock): { readonly sandboxes: SandboxStore; readonly pools: PoolStore } {
  let writes = 0;
  const written = (object: KubeObject) => Promise.resolve({ ...object, metadata: { ...object.metadata, resourceVersion: String((writes += 1)) } });
  const api = { create: (_type: unknown, object: KubeObject) => written(object), delete: () => Promise.resolve(undefined) } as unknown as KubeApi;
  const options = { api, namespace: 'default', clock, log: createLogger('test', 'error', { write: () => undefined }) };
  return { sandboxes: new SandboxStore(options), pools: new PoolStore(options) };
}

/** How a create begins. */
interface Beginning {
  /** Others that show that they have a pod of the pool. @default 4 */
  readonly holders?: number;
  /** How long the server has been there, in ms. @default - an hour */
  readonly upMs?: number;
}

/** A create that waits for its pool, and what it hears. */
export class Waiting {
  readonly clock: ManualClock;
  readonly sandboxes: SandboxStore;
  readonly pools: PoolStore;
  outcome = 'none';
  private readonly caller = new AbortController();
  private readonly listening = new Set<object>();
  private listenedCount = 0;

  private constructor(upMs: number) {
    this.clock = new ManualClock(new Date(BEGIN.getTime() - upMs));
    ({ sandboxes: this.sandboxes, pools: this.pools } = quietStores(this.clock));
  }

  static async begin(batch: BatchSandbox, pool: Pool, { holders = 4, upMs = 3_600_000 }: Beginning = {}): Promise<Waiting> {
    const create = new Waiting(upMs);
    for (let index = 1; index <= holders; index += 1) await create.shows(holding(`other-${index}`));
    await create.clock.advance(upMs);
    await create.hears({ batch, pool });
    create.wait(batch);
    await settle();
    return create;
  }

  /** What the cluster says by now of its own sandbox, and of a pool. */
  async hears({ batch, pool }: { readonly batch?: BatchSandbox; readonly pool?: Pool }): Promise<void> {
    if (batch !== undefined) await this.shows(batch);
    if (pool !== undefined) await this.pools.create(pool, pool.metadata.name);
    await settle();
  }

  /** What it says of another sandbox. */
  async shows(batch: BatchSandbox): Promise<void> {
    await this.sandboxes.create(batch, batch.metadata.name);
    await settle();
  }

  async leave(): Promise<void> {
    this.caller.abort();
    await settle();
  }

  /** How it has ended, and what is left of it: listeners and timers. */
  get end(): readonly [outcome: string, listeners: number, timers: number] {
    return [this.outcome, this.listening.size, this.clock.timerCount];
  }

  private wait(batch: BatchSandbox): void {
    const { sandboxes, pools, clock } = this;
    const { holders } = sandboxes;
    const context = {
      store: {
        find: (id: string) => sandboxes.find(id),
        onChange: (id: string, listener: () => void) => this.counted(sandboxes.onChange(id, listener)),
        holders: {
          count: (pool: string) => holders.count(pool),
          onMore: (pool: string, listener: () => void) => this.counted(holders.onMore(pool, listener)),
          sinceReturnMs: (pool: string) => holders.sinceReturnMs(pool),
          sinceEndMs: () => holders.sinceEndMs(),
        },
      },
      pools: {
        find: (name: string) => pools.find(name),
        onChange: (name: string, listener: () => void) => this.counted(pools.onChange(name, listener)),
        sinceLossMs: () => pools.sinceLossMs(),
      },
      clock,
      patience: { startedAtMs: clock.monotonicMs(), readyMs: READY_MS, roomMs: ROOM_MS },
    };
    untilReady(batch, context, this.caller.signal).then(
      () => (this.outcome = 'ready'),
      ({ status, code }: { status: number; code: string }) => (this.outcome = `${status} ${code}`),
    );
  }

  /** Counts a listener until it is forgotten. @throws when there is no end of them, as when each look that is told adds one anew */
  private counted(forget: () => void): () => void {
    this.listenedCount += 1;
    if (this.listenedCount > MOST_LISTENERS) throw new Error(`listeners: expected at most ${MOST_LISTENERS}, got one more`);
    this.listening.add(forget);
    return () => {
      this.listening.delete(forget);
      forget();
    };
  }
}
