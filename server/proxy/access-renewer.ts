import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Annotation } from '../../src/schema/names';
import type { SandboxStore } from '../sandboxes/sandbox-store';

/** What an {@link AccessRenewer} needs. */
export interface AccessRenewerOptions {
  readonly store: Pick<SandboxStore, 'patch'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Shortest time between two renewals of a sandbox, in ms. */
  readonly intervalMs: number;
}

/**
 * Renews sandboxes that asked for it when they are used: to the amount that they have named from now, and never to less than they have.
 *
 * One write at a time for a sandbox, and none while its end is less than the interval from what it would become; since that shows in what
 * all replicas see, they need not agree (L28).
 */
export class AccessRenewer {
  private readonly busy = new Set<string>();

  constructor(private readonly options: AccessRenewerOptions) {}

  /** Notes an access; what it leads to happens in the background. */
  note(batch: BatchSandbox, requestId: string): void {
    const { store, clock, log, intervalMs } = this.options;
    const { name, uid } = batch.metadata;
    const end = planRenewal(batch, clock.now(), intervalMs);
    if (end === undefined || this.busy.has(name)) return;
    this.busy.add(name);
    store
      .patch(name, { metadata: { uid }, spec: { expireTime: end.toISOString() } })
      .catch((error: unknown) => log.warn({ err: error, sandbox: name, requestId }, 'sandbox not renewed by an access'))
      .finally(() => this.busy.delete(name));
  }
}

/** The end that an access gives a sandbox; undefined when it changes nothing; pure. */
export function planRenewal({ metadata, spec }: BatchSandbox, now: Date, intervalMs: number): Date | undefined {
  const seconds = Number(metadata.annotations?.[Annotation.accessRenewSeconds] ?? NaN);
  const endMs = Date.parse(spec.expireTime ?? '');
  if (!(seconds > 0) || Number.isNaN(endMs) || metadata.deletionTimestamp !== undefined) return undefined;
  const renewedMs = now.getTime() + seconds * 1000;
  return renewedMs - endMs >= intervalMs ? new Date(renewedMs) : undefined;
}
