import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { Pod } from '../../src/schema/kubernetes';
import { Annotation, EXECUTOR_CONTAINER } from '../../src/schema/names';
import type { KubeApi } from '../kube/api';
import type { ObjectCache } from '../kube/cache';
import type { PodExec } from '../kube/pod-exec';
import { PODS } from '../kube/resource-types';
import { failuresOf, inParallel } from '../parallel';
import { isProvedEmpty, restartable, unrestarted } from './plan';
import type { RestartConfig } from './restart-config';
import type { RecordSeal } from './record-seal';
import { formatRestartRecord, parseRestartRecord, type RestartRecord } from './restart-record';

/** Longest time for the restart command of one container, in ms (R53). */
const EXEC_TIMEOUT_MS = 10_000;
/** Containers of one pod that are told to restart at once. */
const EXECS_AT_ONCE = 8;

/** What a restart works with. */
export interface RestartTools {
  readonly api: KubeApi;
  readonly poolPods: ObjectCache<Pod>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly exec: PodExec;
  readonly seal: RecordSeal;
  /** Has the executor of a pod end and wipe everything; true when it has proved that nothing is left (rule 29 of the executor). */
  readonly reset: (pod: { readonly podUID: string; readonly podIP: string }, signal: AbortSignal) => Promise<boolean>;
}

/** One attempt to restart a pod. */
export interface RestartAttempt {
  readonly pod: Pod;
  /** UID of the batch that gave it back. */
  readonly giverUID: string;
  /** Of the attempt before; `undefined` for the first one. */
  readonly record: RestartRecord | undefined;
  readonly config: RestartConfig;
}

/** Restarts the containers of pods. */
export class Restarter {
  constructor(private readonly tools: RestartTools) {}

  /**
   * Empties the pod by its executor, records its containers, and has each of them end; the record as it stands now. In this order: whoever
   * finds a record with containers knows that the pod was proved empty before. Whether they did restart shows in the pod later.
   */
  async attempt({ pod, giverUID, record: before, config }: RestartAttempt, signal: AbortSignal): Promise<RestartRecord> {
    const { clock, exec, log } = this.tools;
    const proved = before !== undefined && isProvedEmpty(before);
    const empty = proved || (await this.isEmpty(pod, signal));
    const now = clock.now().toISOString();
    const seen = this.newest(pod); // a reset takes its time
    const record: RestartRecord = {
      id: giverUID,
      startTime: before?.startTime ?? now,
      containers: proved ? before.containers : empty ? restartable(seen, config) : {},
      lastRetryTime: now,
      retryCount: before === undefined ? 0 : before.retryCount + 1,
    };
    await this.writeRecord(pod, record, signal);
    const { namespace = '', name } = pod.metadata;
    const results = await inParallel(unrestarted(seen, record, config), EXECS_AT_ONCE, (container) =>
      exec({ namespace, pod: name, container, command: config.restartCommand, timeoutMs: EXEC_TIMEOUT_MS, signal }),
    );
    const failures = failuresOf(results).map((failure) => (failure instanceof Error ? failure.message : String(failure)));
    if (failures.length > 0) log.debug({ pod: `${namespace}/${name}`, failures }, 'restart command not carried out');
    return record;
  }

  /** The record of a return that the pod carries; one that no operator has written counts for nothing. */
  readRecord({ metadata: { uid = '', annotations } }: Pod, giverUID: string): RestartRecord | undefined {
    const found = parseRestartRecord(annotations?.[Annotation.restartRecord], giverUID);
    return found !== undefined && this.tools.seal.holds(uid, found.record, found.seal) ? found.record : undefined;
  }

  /** Writes the annotation, or removes it; only on this very pod. */
  async writeRecord({ metadata: { namespace = '', name, uid = '' } }: Pod, record: RestartRecord | undefined, signal: AbortSignal): Promise<void> {
    const { api, poolPods, seal } = this.tools;
    const text = record === undefined ? null : formatRestartRecord({ record, seal: seal.of(uid, record) });
    const annotations = { [Annotation.restartRecord]: text };
    await poolPods.write(`${namespace}/${name}`, () => api.patch(PODS, { namespace, name }, 'merge', { metadata: { uid, annotations } }, { signal }));
  }

  /** "Cannot reach the executor" is never "nothing runs" (rule 30 of the executor). A pod without an executor has run no task. */
  private async isEmpty({ metadata, status }: Pod, signal: AbortSignal): Promise<boolean> {
    const hasExecutor = status?.containerStatuses?.some(({ name }) => name === EXECUTOR_CONTAINER) === true;
    const podIP = status?.podIP ?? '';
    return !hasExecutor || (podIP !== '' && (await this.tools.reset({ podUID: metadata.uid ?? '', podIP }, signal)));
  }

  private newest(pod: Pod): Pod {
    const { namespace = '', name, uid } = pod.metadata;
    const cached = this.tools.poolPods.get(`${namespace}/${name}`);
    return cached?.metadata.uid === uid && cached !== undefined ? cached : pod;
  }
}
