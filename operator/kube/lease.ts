import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { KubeApi } from './api';
import { isAlreadyExists, isConflict, isNotFound, TransportError } from './api-error';
import type { Lease } from './lease-object';
import { LEASES } from './resource-types';

/** What a {@link LeaseElector} needs. */
export interface LeaseOptions {
  /** With a transport of its own, so that a renewal waits behind no other call, and without `mayWrite`. */
  readonly api: KubeApi;
  readonly namespace: string;
  readonly name: string;
  /** Name of this process, unique among all that compete. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * How long others respect the lease after its last renewal: as long as a batch waits when the holder has died. Shorter would be dearer: an API
 * server that restarts or elects a leader of etcd is away for some seconds, and a holder that lives must not lose its lease by that.
 */
const LEASE_SECONDS = 15;
/** Without a renewal for so long we stop acting: 5 s before another may begin. */
const HOLD_MS = 10_000;
/** Pause between renewals, and after an attempt that failed: an API server in trouble is asked no more often. */
const RETRY_MS = 2_000;
/** Pause between the looks of a process that waits: so long a batch waits when the holder has stopped and freed the lease. */
const LOOK_MS = 500;
/** One attempt, so that two fit into HOLD_MS. */
const ATTEMPT_MS = 4_000;

/** Why {@link LeaseElector.run} has ended. */
export type LeaseEnd = 'released' | 'lost';

/**
 * One holder at a time of a Lease, by time that only moves forward.
 *
 *   waiting ──free, expired──> holding ──signal──> released
 *                                 └──not renewed for 10 s, or taken by another──> lost
 *
 * A holder counts from the moment it sent its last successful renewal, the others from the moment they saw it, which
 * is later: it has stopped for 5 s before the lease can pass. Times in the Lease itself are for people.
 */
export class LeaseElector {
  /** Resolves when this process holds the lease. */
  readonly acquired: Promise<void>;
  private tellAcquired: () => void = () => undefined;
  /** Until when we may act; undefined while waiting. */
  private heldUntilMs: number | undefined;
  /** What we saw last, and when it last changed. */
  private seen: Lease | undefined;
  private seenAtMs = 0;
  private cancelDemotion: () => void = () => undefined;
  private readonly over = new AbortController();

  constructor(private readonly options: LeaseOptions) {
    this.acquired = new Promise((resolve) => {
      this.tellAcquired = resolve;
    });
  }

  /** Whether this process may act now. Exact even when timers run late, as after a pause of the whole process. */
  held(): boolean {
    return this.heldUntilMs !== undefined && !this.over.signal.aborted && this.options.clock.monotonicMs() < this.heldUntilMs;
  }

  /**
   * Waits for the lease, then keeps it. Resolves with `released` after the signal has aborted, or with `lost`: then
   * this process must stop to act at once, and cannot come back. All work must have ended before the signal aborts.
   */
  async run(signal: AbortSignal): Promise<LeaseEnd> {
    const { clock, log } = this.options;
    const either = AbortSignal.any([signal, this.over.signal]);
    while (!either.aborted) {
      let pauseMs = RETRY_MS;
      try {
        await this.attempt(either);
        if (this.heldUntilMs === undefined) pauseMs = LOOK_MS;
      } catch (error) {
        // Of several that wait, one is first.
        const wasLate = this.heldUntilMs === undefined && (isAlreadyExists(error) || isConflict(error));
        if (wasLate) {
          log.info('lease written by another first');
          pauseMs = LOOK_MS;
        } else if (!either.aborted) log.warn({ err: error }, 'lease not written');
        // Somebody else has written, or we do not know: look again before the next attempt.
        this.seen = undefined;
      }
      await clock.sleep(pauseMs, either);
    }
    this.cancelDemotion();
    if (this.over.signal.aborted) return 'lost';
    if (this.held()) await this.release();
    this.over.abort();
    return 'released';
  }

  private async attempt(signal: AbortSignal): Promise<void> {
    const { clock, identity } = this.options;
    const startedAtMs = clock.monotonicMs();
    const timeout = new AbortController();
    const cancel = clock.setTimer(ATTEMPT_MS, () => timeout.abort(new TransportError(`lease: expected an answer within ${ATTEMPT_MS} ms, got none`)));
    const limited = AbortSignal.any([signal, timeout.signal]);
    try {
      // A waiting process looks every time; a holder knows what it wrote itself.
      if (this.seen === undefined || this.heldUntilMs === undefined) await this.look(limited);
      const holder = this.seen?.spec?.holderIdentity ?? '';
      if (this.heldUntilMs !== undefined && holder !== identity) {
        this.lose(`taken by '${holder}'`);
        return;
      }
      if (holder !== '' && holder !== identity && !this.hasExpired()) return;
      await this.writeHolding(limited);
      this.hold(startedAtMs + HOLD_MS);
    } finally {
      cancel();
    }
  }

  private async look(signal: AbortSignal): Promise<void> {
    const { api, namespace, name, clock } = this.options;
    let lease: Lease | undefined;
    try {
      lease = await api.get(LEASES, { namespace, name }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    if (lease === undefined || lease.metadata.resourceVersion !== this.seenVersion) {
      this.seenVersion = lease?.metadata.resourceVersion;
      this.seenAtMs = clock.monotonicMs();
    }
    this.seen = lease;
  }

  /** Version since when `seenAtMs` counts; it outlives `seen`, or a failed call would start the wait anew. */
  private seenVersion: string | undefined;

  private hasExpired(): boolean {
    const seconds = this.seen?.spec?.leaseDurationSeconds ?? LEASE_SECONDS;
    return this.options.clock.monotonicMs() - this.seenAtMs >= seconds * 1000;
  }

  private async writeHolding(signal: AbortSignal): Promise<void> {
    const { api, namespace, name, identity, clock } = this.options;
    const now = microTime(clock.now());
    const old = this.seen?.spec;
    const renewal = old?.holderIdentity === identity;
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_SECONDS,
      acquireTime: renewal ? old.acquireTime : now,
      renewTime: now,
      leaseTransitions: (old?.leaseTransitions ?? 0) + (renewal || old === undefined ? 0 : 1),
    };
    if (this.seen === undefined) {
      this.seen = await api.create(LEASES, { metadata: { namespace, name }, spec }, { signal });
    } else {
      const { resourceVersion } = this.seen.metadata;
      this.seen = await api.patch(LEASES, { namespace, name }, 'merge', { metadata: { resourceVersion }, spec }, { signal });
    }
  }

  private hold(untilMs: number): void {
    const { clock, log } = this.options;
    if (this.heldUntilMs === undefined) log.info('lease acquired');
    this.heldUntilMs = untilMs;
    this.cancelDemotion();
    this.cancelDemotion = clock.setTimer(untilMs - clock.monotonicMs(), () => this.lose(`not renewed within ${HOLD_MS} ms`));
    this.tellAcquired();
  }

  private lose(why: string): void {
    this.options.log.error({ why }, 'lease lost');
    this.cancelDemotion();
    this.over.abort();
  }

  /** Frees the lease, so that the next holder need not wait for its end. */
  private async release(): Promise<void> {
    const { api, namespace, name, clock, log } = this.options;
    const { resourceVersion } = this.seen?.metadata ?? {};
    // Stop to act before another can.
    this.heldUntilMs = clock.monotonicMs();
    const timeout = new AbortController();
    const cancel = clock.setTimer(RETRY_MS, () => timeout.abort());
    try {
      const patch = { metadata: { resourceVersion }, spec: { holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.now()) } };
      await api.patch(LEASES, { namespace, name }, 'merge', patch, { signal: timeout.signal });
    } catch (error) {
      const taken = isConflict(error) || isNotFound(error) || isAlreadyExists(error);
      log[taken ? 'debug' : 'warn']({ err: error }, 'lease not released');
    } finally {
      cancel();
    }
  }
}

/** RFC 3339 with six digits of a second, as Lease wants it. */
function microTime(instant: Date): string {
  return instant.toISOString().replace('Z', '000Z');
}
