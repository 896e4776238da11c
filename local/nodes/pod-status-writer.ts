import { Backoff } from '../../src/program/backoff';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { Pod } from '../../src/schema/kubernetes';
import type { PodApi } from './pod-api';
import { isSameStatus, type ObservedPod, toPodStatus } from './pod-status';

/** Changes within this time go out as one write, in ms: a pod's containers start together. */
const GATHER_MS = 10;

export interface PodStatusWriterProps {
  readonly pod: Pod;
  readonly observe: () => ObservedPod;
  readonly api: PodApi;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps the status of one pod true in the API: one write at a time, with what holds when it is sent. */
export class PodStatusWriter {
  private written: ReturnType<typeof toPodStatus> | undefined;
  private isDirty = false;
  private isWriting = false;
  private readonly ended = new AbortController();
  private readonly backoff = new Backoff();

  constructor(private readonly props: PodStatusWriterProps) {}

  /** Tells that what `observe` answers has changed. */
  noteChange(): void {
    this.isDirty = true;
    if (!this.isWriting) void this.writeUntilClean();
  }

  /** Ends all writing. */
  end(): void {
    this.ended.abort();
  }

  private async writeUntilClean(): Promise<void> {
    const { pod, observe, api, clock, log } = this.props;
    this.isWriting = true;
    let waitMs = GATHER_MS;
    while (this.isDirty && !this.ended.signal.aborted) {
      await clock.sleep(waitMs, this.ended.signal);
      if (this.ended.signal.aborted) break;
      this.isDirty = false;
      const status = toPodStatus(observe(), this.written?.conditions ?? [], clock.now());
      if (isSameStatus(this.written, status)) continue;
      try {
        if (!(await api.writeStatus(pod, status))) this.end();
        this.written = status;
        waitMs = GATHER_MS;
        this.backoff.reset('');
      } catch (error) {
        log.warn({ err: error, pod: pod.metadata.name }, 'pod status not written');
        this.isDirty = true;
        waitMs = this.backoff.next('');
      }
    }
    this.isWriting = false;
  }
}
