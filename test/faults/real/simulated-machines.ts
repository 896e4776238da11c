import type { ExecutorTask } from '../../../src/schema/executor-api';
import type { Pod, PodTemplateSpec } from '../../../src/schema/kubernetes';
import { EXECUTOR_CONTAINER } from '../../../src/schema/names';
import type { Violation } from '../checks/safety';
import type { Responder, SimulatedRequest } from '../exchange';
import { type Run, SimulatedExecutors } from '../executors';
import type { Image } from '../nodes';
import type { Random } from '../random';
import { audienceOf } from '../signatures';
import { taskFields, templateOf } from '../simulated-templates';
import type { DirectClient } from './access';
import type { PlacedChange } from './change-watch';
import { ExecutorServers } from './executor-servers';
import type { Machines, TaskListener } from './machines';
import { PlacedClock } from './placed-clock';

const toPath = ({ metadata: { namespace = '', name } }: Pod) => `/api/v1/namespaces/${namespace}/pods/${name}`;

/** Where kwok runs the pods: simulated executors answer at their addresses. */
export class SimulatedMachines implements Machines {
  readonly taskFields = taskFields;
  private readonly over = new AbortController();
  private readonly clock: PlacedClock;
  private readonly executors: SimulatedExecutors;
  private readonly servers: ExecutorServers;
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly client: DirectClient,
    random: Random,
    onTask: TaskListener,
  ) {
    this.clock = new PlacedClock(() => client.revision(this.over.signal));
    // A pod may have the address that another had before, and refuses what is signed for that one; signatures themselves are for others to test.
    this.executors = new SimulatedExecutors(this.clock, random, (podUID) => (request) => Promise.resolve(audienceOf(request) === podUID));
    const tell = (...[moment, run, exitCode]: [Parameters<TaskListener>[0], Run, number?]) => onTask(moment, run, this.clock.revision, exitCode);
    this.executors.onStart = (run) => tell('start', run);
    this.executors.onEnd = (run) => tell('end', run, run.exitCode);
    this.executors.onDrop = (run) => tell('drop', run);
    this.executors.onForget = (run) => tell('forget', run);
    this.servers = new ExecutorServers((request, responder) => this.answer(request, responder));
  }

  templateOf(image: Image, version: number): PodTemplateSpec {
    const template = templateOf(image, version);
    // Where no node is, the pod never starts: all images are there in the simulation.
    return { ...template, spec: { ...template.spec, automountServiceAccountToken: false, ...(image === 'broken' && { nodeSelector: { 'example.com/there': 'no' } }) } };
  }

  observe({ plural, type, object, revision }: PlacedChange): void {
    if (plural !== 'pods') return;
    const pod = object as Pod;
    const { uid = '' } = pod.metadata;
    const ip = pod.status?.podIP;
    if (type === 'DELETED' || pod.status?.phase === 'Failed') this.clock.at(revision, () => this.remove(uid, ip));
    else if (ip !== undefined && pod.status?.phase === 'Running' && !this.executors.has(uid) && hasExecutor(pod)) {
      this.executors.add(uid, ip);
      this.servers.listen(ip);
    }
  }

  fail(pod: Pod): void {
    // Its executor goes once this is stored, which it is not while the server is away.
    void this.setStatus(pod, { phase: 'Failed', conditions: [readiness(false)] });
  }

  shake(pod: Pod, forMs: number): void {
    if (pod.status?.phase !== 'Running') return;
    const shaken = this.setStatus(pod, { conditions: [readiness(false)] });
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void shaken.then(() => this.setStatus(pod, { conditions: [readiness(true)] }));
    }, forMs);
    this.timers.add(timer);
  }

  restartContainer(): void {
    // kwok does not know of that.
  }

  restart(podUID: string, downMs: number): void {
    this.executors.restart(podUID, downMs);
  }

  runsOn(podUIDs: ReadonlySet<string>): readonly Run[] {
    return this.executors.runs.filter(({ podUID }) => podUIDs.has(podUID));
  }

  tasksOf(podUID: string): readonly ExecutorTask[] {
    return this.executors.tasksOf(podUID);
  }

  calm(): void {
    // What was shaken comes back by itself, soon.
  }

  left(): readonly Violation[] {
    return [];
  }

  async close(): Promise<void> {
    this.over.abort();
    this.clock.stop();
    for (const timer of this.timers) clearTimeout(timer);
    await this.servers.close();
  }

  /** Only what asks for a change needs a place. */
  private answer(request: SimulatedRequest, responder: Responder): void {
    if (request.method === 'GET') this.executors.server(request, responder);
    else {
      let isGivenUp = false;
      responder.onClose(() => (isGivenUp = true));
      this.clock.place(() => !isGivenUp && this.executors.server(request, responder));
    }
  }

  private remove(podUID: string, ip: string | undefined): void {
    if (!this.executors.has(podUID)) return;
    this.executors.remove(podUID);
    if (ip !== undefined) this.servers.silence(ip);
  }

  /** The status of this very pod, as soon as there is a server to take it: one that was lost would leave a pod unready for ever. A pod that is gone has none. */
  private async setStatus(pod: Pod, status: object): Promise<void> {
    const { signal } = this.over;
    await this.client.insist('PATCH', `${toPath(pod)}/status`, { body: { metadata: { uid: pod.metadata.uid }, status }, signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

const hasExecutor = ({ spec }: Pod) => spec?.containers?.some(({ name }) => name === EXECUTOR_CONTAINER) === true;

function readiness(isReady: boolean): object {
  return { type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: `${new Date().toISOString().slice(0, 19)}Z` };
}
