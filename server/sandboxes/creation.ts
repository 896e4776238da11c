import type { Clock } from '../../src/program/clock';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { LifecycleError } from '../lifecycle-error';
import type { PoolStore } from '../pools/pool-store';
import type { SandboxStore } from './sandbox-store';
import { judgeCreate } from './verdict';

/** How long a create waits for what, in ms. */
export interface Patience {
  /** When the create began, in ms of the clock's monotonic time: its writes before the wait count too, as they do for its caller. */
  readonly startedAtMs: number;
  /** For the sandbox to be ready, since then. */
  readonly readyMs: number;
  /** For a pool that is full, since it was seen to be. */
  readonly roomMs: number;
}

/** What a wait needs. */
export interface CreationContext {
  readonly store: Pick<SandboxStore, 'find' | 'onChange'>;
  readonly pools: Pick<PoolStore, 'find'>;
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

/** Seconds after which a pool that was full is worth another try. */
const ROOM_RETRY_SECONDS = 5;
const READY_RETRY_SECONDS = 1;

/**
 * Waits until a sandbox is ready: looks at every change of it, and at nothing in between (L14).
 *
 * @param made the sandbox as it was made or found
 * @throws NotReady
 */
export function untilReady(made: BatchSandbox, { store, pools, clock, patience }: CreationContext, signal: AbortSignal): Promise<BatchSandbox> {
  const id = made.metadata.name;
  return new Promise((resolve, reject) => {
    // A sandbox that another replica has made may not be in our cache yet.
    let isKnown = false;
    let waitsFor: { readonly full: boolean; readonly message?: string } = { full: false };
    let cancelRoom: (() => void) | undefined;

    const end = () => {
      forget();
      cancelReady();
      cancelRoom?.();
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: LifecycleError, isOpen: boolean) => {
      end();
      reject(new NotReady(error, isOpen));
    };
    const onLate = () => {
      const { full, message } = waitsFor;
      if (full) return fail(full429(message), true);
      const why = message === undefined ? '' : `: ${message}`;
      fail(new LifecycleError('KUBERNETES::POD_READY_TIMEOUT', `sandbox: not ready within ${patience.readyMs / 1000} s${why}`, { retryAfterSeconds: READY_RETRY_SECONDS }), true);
    };
    const onAbort = () => {
      end();
      reject(gone());
    };
    const look = () => {
      const found = store.find(id);
      isKnown ||= found !== undefined;
      const batch = found ?? (isKnown ? undefined : made);
      const verdict = judgeCreate(batch, pools.find(batch?.spec.poolRef ?? ''));
      if (verdict.kind === 'failed') return fail(verdict.error, false);
      if (verdict.kind === 'ready' && batch !== undefined) {
        end();
        return resolve(batch);
      }
      waitsFor = verdict.kind === 'wait' ? verdict : { full: false };
      if (!waitsFor.full) {
        cancelRoom?.();
        cancelRoom = undefined;
      } else {
        cancelRoom ??= clock.setTimer(patience.roomMs, () => fail(full429(waitsFor.message), true));
      }
    };

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

function gone(): NotReady {
  return new NotReady(new LifecycleError('GENERAL::SHUTTING_DOWN', undefined, { retryAfterSeconds: READY_RETRY_SECONDS }), true);
}

function full429(message: string | undefined): LifecycleError {
  return new LifecycleError('KUBERNETES::POOL_CAPACITY_EXHAUSTED', message, { retryAfterSeconds: ROOM_RETRY_SECONDS });
}
