import type { KubeApi } from '../../operator/kube/api';
import { ApiError, isNotFound } from '../../operator/kube/api-error';
import type { KubeEvent } from '../../operator/kube/event-object';
import type { PodLogQuery } from '../../operator/kube/pod-log';
import { EVENTS, PODS } from '../../operator/kube/resource-types';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { Pod } from '../../src/schema/kubernetes';
import { fromKubeError } from '../kube-errors';
import { sandboxStatus } from '../sandboxes/state';
import { containersOf, podNameOf } from './sandbox-pods';

/** Most bytes of an answer; what is more is cut off at its beginning, where it is oldest. */
const MAX_BYTES = 1_048_576;
/** Bytes that are read of a log: so many more that {@link cut} sees that there is more, also where that begins inside a character. */
const LOG_BYTES = MAX_BYTES + 4;
/** Most events that are read of one object. */
const MAX_EVENTS = 500;

/** Text for a person, and whether it is all there is. */
export interface DiagnosticText {
  readonly text: string;
  readonly truncated: boolean;
}

/** What {@link Diagnostics} needs. */
export interface DiagnosticsOptions {
  readonly api: KubeApi;
  readonly namespace: string;
}

/** Logs, events and state of one sandbox, read from the cluster when they are asked for. */
export class Diagnostics {
  constructor(private readonly options: DiagnosticsOptions) {}

  /**
   * What the containers of a sandbox have written.
   *
   * @param container one of them; `all`: each under its name; absent: the main one
   * @throws LifecycleError
   */
  async logs(batch: BatchSandbox, container: string | undefined, query: Pick<PodLogQuery, 'tailLines' | 'sinceSeconds'>, signal: AbortSignal): Promise<DiagnosticText> {
    const pod = await this.podOf(batch, signal);
    if (pod === undefined) return { text: '', truncated: false };
    const names = containersOf(pod.spec);
    const wanted = container === 'all' ? names : [container ?? names[0] ?? ''];
    const logs = await Promise.all(wanted.map((name) => this.logOf(pod, name, query, signal)));
    return cut(container === 'all' ? logs.map((log, index) => `==> ${wanted[index] ?? ''} <==\n${log}`).join('\n') : logs.join(''));
  }

  /** What was told of a sandbox and its pod, oldest first. @throws LifecycleError */
  async events(batch: BatchSandbox, limit: number, signal: AbortSignal): Promise<DiagnosticText> {
    const names = [batch.metadata.name, podNameOf(batch)].filter((name) => name !== undefined);
    const found = (await Promise.all([...new Set(names)].map((name) => this.eventsOf(name, signal)))).flat();
    const lines = found.sort((a, b) => timeOf(a).localeCompare(timeOf(b))).map((event) => {
      const { type, reason, message, involvedObject, count = 1 } = event;
      return `${timeOf(event)} ${type} ${reason} ${involvedObject.kind}/${involvedObject.name}${count > 1 ? ` (x${count})` : ''}: ${message}`;
    });
    const kept = lines.slice(-limit);
    const { text, truncated } = cut(kept.join('\n'));
    return { text, truncated: truncated || kept.length < lines.length };
  }

  /** State of a sandbox and its pod, for a person. @throws LifecycleError */
  async inspect(batch: BatchSandbox, signal: AbortSignal): Promise<DiagnosticText> {
    const { state, reason = '', message = '' } = sandboxStatus(batch);
    const pod = await this.podOf(batch, signal);
    const lines = [
      `sandbox: ${batch.metadata.name}`,
      `created: ${batch.metadata.creationTimestamp ?? ''}`,
      `expires: ${batch.spec.expireTime ?? 'never'}`,
      `pool: ${batch.spec.poolRef ?? 'none'}`,
      `state: ${[state, reason, message].filter((part) => part !== '').join(' ')}`,
      ...(batch.status?.conditions ?? []).map((condition) => `condition: ${condition.type} ${condition.status} ${condition.reason ?? ''} ${condition.message ?? ''}`.trimEnd()),
      ...(pod === undefined ? ['pod: none'] : describePod(pod)),
    ];
    return cut(lines.join('\n'));
  }

  private async podOf(batch: BatchSandbox, signal: AbortSignal): Promise<Pod | undefined> {
    const name = podNameOf(batch);
    if (name === undefined) return undefined;
    const { api, namespace } = this.options;
    try {
      return await api.get(PODS, { namespace, name }, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw fromKubeError(error, `read the pod of sandbox '${batch.metadata.name}'`);
    }
  }

  private async logOf({ metadata: { name } }: Pod, container: string, query: PodLogQuery, signal: AbortSignal): Promise<string> {
    const { api, namespace } = this.options;
    try {
      return await api.podLog({ namespace, name }, { ...query, container, lastBytes: LOG_BYTES }, signal);
    } catch (error) {
      // A container that has not started has no log yet; nor has one of another name.
      if (error instanceof ApiError && (error.status === 400 || error.status === 404)) return '';
      throw fromKubeError(error, 'read a log');
    }
  }

  private async eventsOf(name: string, signal: AbortSignal): Promise<readonly KubeEvent[]> {
    const { api, namespace } = this.options;
    try {
      return (await api.list(EVENTS, { namespace, fieldSelector: `involvedObject.name=${name}`, limit: MAX_EVENTS }, { signal })).items;
    } catch (error) {
      throw fromKubeError(error, 'read events');
    }
  }
}

function describePod({ metadata, spec, status }: Pod): string[] {
  return [
    `pod: ${metadata.name}`,
    `node: ${spec?.nodeName ?? 'none'}`,
    `address: ${status?.podIP ?? 'none'}`,
    `phase: ${[status?.phase, status?.reason, status?.message].filter((part) => part !== undefined).join(' ')}`,
    ...(status?.containerStatuses ?? []).map(({ name, ready, restartCount, state = {} }) => {
      const [[kind, detail] = ['unknown', {}]] = Object.entries(state) as [string, { readonly reason?: string; readonly message?: string }][];
      return `container: ${name} ${ready === true ? 'ready' : 'not ready'}, restarts ${restartCount ?? 0}, ${[kind, detail?.reason, detail?.message].filter((part) => part !== undefined).join(' ')}`;
    }),
  ];
}

const timeOf = ({ lastTimestamp, firstTimestamp, metadata }: KubeEvent): string => lastTimestamp ?? firstTimestamp ?? metadata.creationTimestamp ?? '';

/** The youngest end of a text, of as many bytes as an answer may have, from the beginning of a line. */
function cut(text: string): DiagnosticText {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_BYTES) return { text, truncated: false };
  const end = bytes.subarray(bytes.length - MAX_BYTES).toString('utf8');
  return { text: end.slice(end.indexOf('\n') + 1), truncated: true };
}
