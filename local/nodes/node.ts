import { join } from 'node:path';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { Pod } from '../../src/schema/kubernetes';
import type { AddressBlock } from './address-block';
import type { ContainerLog } from './container-log';
import type { ExecCommand } from './exec-command';
import type { PodApi } from './pod-api';
import { DEFAULT_GRACE_SECONDS, PodRunner } from './pod-runner';
import { PodStatusWriter } from './pod-status-writer';
import type { PodSweeper } from './pod-sweeper';
import type { NodeSettings } from './process-spec';
import type { StartGate } from './start-gate';

export interface NodeProps {
  readonly settings: NodeSettings;
  readonly api: PodApi;
  readonly addresses: AddressBlock;
  readonly gate: StartGate;
  readonly sweeper: PodSweeper;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells people about something they should know, as a Warning event on the pod. */
  readonly warn: (pod: Pod, reason: string, message: string) => void;
}

/** A pod that this node has taken. */
interface HostedPod {
  readonly pod: Pod;
  readonly address: string;
  readonly runner: PodRunner;
  readonly writer: PodStatusWriter;
  /** Set once the pod is being stopped. */
  end?: Promise<void>;
}

/** A node: it runs the pods that are bound to it, reports their state, and removes them when they are deleted. */
export class Node {
  private readonly hostedByUid = new Map<string, HostedPod>();

  constructor(private readonly props: NodeProps) {}

  get name(): string {
    return this.props.settings.name;
  }

  /** Takes note of the state of a pod that is bound to this node. */
  observe(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const hosted = this.hostedByUid.get(uid);
    if (pod.metadata.deletionTimestamp !== undefined) this.endDeleted(pod, hosted);
    else if (hosted === undefined && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed') this.host(pod);
  }

  /** Takes note that a pod is no longer in the API: what still runs of it ends at once. */
  observeGone(pod: Pod): void {
    const hosted = this.hostedByUid.get(pod.metadata.uid ?? '');
    if (hosted !== undefined) void this.end(hosted, 0);
  }

  /** Output of a container; undefined when no such container runs here. */
  log(namespace: string, name: string, container: string | undefined): ContainerLog | undefined {
    const hosted = this.find(namespace, name);
    return hosted?.runner.log(container ?? hosted.pod.spec?.containers?.[0]?.name ?? '');
  }

  /** What starts a command in a container; undefined when no such container runs here. */
  command(namespace: string, name: string, container: string, argv: readonly string[]): (() => ExecCommand) | undefined {
    return this.find(namespace, name)?.runner.command(container, argv);
  }

  /** Ends every pod without a word to the API. */
  async stop(graceMs: number): Promise<void> {
    for (const { writer } of this.hostedByUid.values()) writer.end();
    await Promise.all([...this.hostedByUid.values()].map((hosted) => this.end(hosted, graceMs)));
  }

  private find(namespace: string, name: string): HostedPod | undefined {
    return [...this.hostedByUid.values()].find(({ pod }) => pod.metadata.name === name && pod.metadata.namespace === namespace);
  }

  private host(pod: Pod): void {
    const { settings, api, addresses, gate, sweeper, clock, log, warn } = this.props;
    const uid = pod.metadata.uid ?? '';
    const address = addresses.take();
    const placed = { pod, address, folder: join(settings.podsFolder, uid) };
    const runner: PodRunner = new PodRunner({
      placed,
      node: settings,
      gate,
      sweeper,
      clock,
      onChange: () => writer.noteChange(),
      warn: (reason, message) => warn(pod, reason, message),
    });
    const writer = new PodStatusWriter({ pod, observe: () => runner.observe(), api, clock, log });
    this.hostedByUid.set(uid, { pod, address, runner, writer });
    runner.run().catch((error: unknown) => {
      log.error({ err: error, pod: pod.metadata.name }, 'pod not started');
      warn(pod, 'FailedStart', error instanceof Error ? error.message : String(error));
    });
  }

  private endDeleted(pod: Pod, hosted: HostedPod | undefined): void {
    if (hosted?.end !== undefined) return;
    const graceSeconds = pod.metadata.deletionGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
    const ended = hosted === undefined ? Promise.resolve() : this.end(hosted, graceSeconds * 1000);
    const removed = ended.then(() => this.props.api.remove(pod));
    removed.catch((error: unknown) => this.props.log.error({ err: error, pod: pod.metadata.name }, 'pod not removed'));
  }

  private end(hosted: HostedPod, graceMs: number): Promise<void> {
    hosted.end ??= this.endNow(hosted, graceMs);
    return hosted.end;
  }

  private async endNow({ pod, address, runner, writer }: HostedPod, graceMs: number): Promise<void> {
    await runner.stop(graceMs);
    writer.end();
    this.hostedByUid.delete(pod.metadata.uid ?? '');
    this.props.addresses.release(address);
  }
}
