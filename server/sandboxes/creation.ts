import type { Clock } from '../../src/program/clock';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { LifecycleError } from '../lifecycle-error';
import type { PoolStore } from '../pools/pool-store';
import type { PodHolders } from './pod-holders';
import type { SandboxStore } from './sandbox-store';
import { judgeCreate, type Wait } from './verdict';

/** How long a create waits for what, in ms. */
export interface Patience {
  /** When the create began, in ms of the clock's monotonic time: its writes before the wait count too, as they do for its caller. */
  readonly startedAtMs: number;
  /** For the sandbox to be ready, since then. */
  readonly readyMs: number;
  /** For a pod to come back to a pool that is full, since that was seen; none is waited for where none is on its way. */
  readonly roomMs: number;
}

/** What a wait needs. */
export interface CreationContext {
  readonly store: Pick<SandboxStore, 'find' | 'onChange'> & { readonly holders: Pick<PodHolders, 'count' | 'onMore' | 'sinceReturnMs' | 'sinceEndMs'> };
  readonly pools: Pick<PoolStore, 'find' | 'onChange' | 'sinceLossMs'>;
  readonly clock: Clock;
  readonly patience: Patience;
}

/** Why a sandbox did not come, and whether a repeat of the request may still meet it. */
export class NotReady extends LifecycleError {
  /** The time was over, the pool full or the caller gone: nothing is known to be wrong. */
  readonly isOpen: boolean;

  constructor(...[error, isOpen]: [LifecycleError, boolean]) {
    super(error.code, error.message, { status: error.status, headers: error.headers, cause: error.cause });
    this.isOpen = isOpen;
  }
}

const READY_RETRY_SECONDS = 1;

/**
 * Waits until a sandbox is ready: looks at every change of it and of its pool, when another shows that it has a pod of that where it matters, and in between
 * only when time alone makes something certain (L14).
 *
 * A pool that is full is an error as soon as that is certain: sandboxes that are known have all its pods, and none has given one back lately. What the pool says
 * comes a moment after it is true, and a pod that comes back is worth a short wait.
 *
 * @param made the sandbox as it was made or found
 * @throws NotReady
 */
export function untilReady(made: BatchSandbox, { store, pools, clock, patience }: CreationContext, signal: AbortSignal): Promise<BatchSandbox> {
  const id = made.metadata.name;
  return new Promise((resolve, reject) => {
    // A sandbox that another replica has made may not be in our cache yet.
    let isKnown = false;
    let waitsFor: Wait = { kind: 'wait' };
    let lackedSinceMs: number | undefined;
    let cancelLook: (() => void) | undefined;
    let poolName: string | undefined;

    const end = () => {
      forget();
      followPool(undefined);
      followHolders(undefined);
      cancelReady();
      cancelLook?.();
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: LifecycleError, isOpen: boolean) => {
      end();
      reject(new NotReady(error, isOpen));
    };
    const onLate = () => {
      const { lack, message } = waitsFor;
      const why = message === undefined ? '' : `: ${message}`;
      const late = () => new LifecycleError('KUBERNETES::POD_READY_TIMEOUT', `sandbox: not ready within ${patience.readyMs / 1000} s${why}`, { retryAfterSeconds: READY_RETRY_SECONDS });
      fail(lack?.error ?? late(), true);
    };
    const onAbort = () => {
      end();
      reject(gone());
    };
    const look = () => {
      const found = store.find(id);
      isKnown ||= found !== undefined;
      const batch = found ?? (isKnown ? undefined : made);
      // The operator may have chosen it meanwhile.
      poolName = batch?.spec.poolRef;
      followPool(poolName);
      const pool = poolName ?? '';
      const sinceLeftMs = Math.min(store.holders.sinceEndMs(), pools.sinceLossMs());
      const verdict = judgeCreate(batch, pools.find(pool), { now: clock.now(), holders: store.holders.count(pool), sinceLeftMs });
      if (verdict.kind === 'failed') return fail(verdict.error, false);
      if (verdict.kind === 'ready' && batch !== undefined) {
        end();
        return resolve(batch);
      }
      waitsFor = verdict.kind === 'wait' ? verdict : { kind: 'wait' };
      followHolders(waitsFor.countsHolders === true ? poolName : undefined);
      waitForRoom(); // the last, as it may end all of this
    };
    const waitForRoom = () => {
      cancelLook?.();
      cancelLook = undefined;
      const { lack, lookInMs } = waitsFor;
      if (lack === undefined) {
        lackedSinceMs = undefined;
        if (lookInMs !== undefined) cancelLook = clock.setTimer(lookInMs, look);
        return;
      }
      lackedSinceMs ??= clock.monotonicMs();
      const lackedMs = clock.monotonicMs() - lackedSinceMs;
      const quietMs = lack.isCertain ? Math.max(lackedMs, store.holders.sinceReturnMs(poolName ?? '')) : lackedMs;
      if (quietMs >= patience.roomMs) return fail(lack.error, true);
      cancelLook = clock.setTimer(patience.roomMs - quietMs, look);
    };

    const followPool = following((name) => pools.onChange(name, look));
    const followHolders = following((name) => store.holders.onMore(name, look));
    const forget = store.onChange(id, look);
    const cancelReady = clock.setTimer(Math.max(0, patience.startedAtMs + patience.readyMs - clock.monotonicMs()), onLate);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else look();
  });
}

/** Ends a create whose caller has gone, or whose server ends: nobody would hear its answer. @throws NotReady */
export function refuseGone({ aborted }: AbortSignal): void {
  if (aborted) throw gone();
}

/** Listens to one named thing at a time: the returned function turns to another one, or to none. */
function following(listen: (name: string) => () => void): (name: string | undefined) => void {
  let followed: string | undefined;
  let forget: (() => void) | undefined;
  return (name) => {
    // Most looks ask for what is followed already: a listener that is added anew while those of its name are told would be told again, without end.
    if (name === followed) return;
    forget?.();
    followed = name;
    forget = name === undefined ? undefined : listen(name);
  };
}

function gone(): NotReady {
  return new NotReady(new LifecycleError('GENERAL::SHUTTING_DOWN', undefined, { retryAfterSeconds: READY_RETRY_SECONDS }), true);
}
