import { KubeApi } from '../../../operator/kube/api';
import { fixedConnection } from '../../../operator/kube/connection';
import { Informer } from '../../../operator/kube/informer';
import { PODS } from '../../../operator/kube/resource-types';
import { Transport } from '../../../operator/kube/transport';
import { type Clock, systemClock } from '../../../src/program/clock';
import type { Pod } from '../../../src/schema/kubernetes';
import { createLogger } from '../../../src/program/log';
import { until } from '../../support/waiting';
import { type Answer, FakeApi } from '../../support/fake-api';
import { deepFreeze } from '../../support/freeze';

export const pod = (name: string, resourceVersion: string, namespace = 'ns'): Pod => ({ metadata: { namespace, name, uid: `uid-${name}`, resourceVersion } });
export const event = (type: string, name: string, version: string): object => ({ type, object: pod(name, version) });
export const bookmark = (resourceVersion: string): object => ({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } });

/** Informers of pods, and the API server that answers them by a script. */
export class ReflectorHarness {
  private readonly transport: Transport;
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>[] = [];

  private constructor(readonly fake: FakeApi) {
    this.transport = new Transport({ connection: fixedConnection(fake.url), clock: systemClock });
  }

  static async create(): Promise<ReflectorHarness> {
    return new ReflectorHarness(await FakeApi.start());
  }

  async destroy(): Promise<void> {
    await this.stop();
    await this.transport.destroy();
    await this.fake.stop();
  }

  /** Ends all informers by their signal. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
  }

  start({ namespaces = [], relistMs, clock = systemClock }: { namespaces?: readonly string[]; relistMs?: number; clock?: Clock } = {}): Informer<Pod> {
    const log = createLogger('test', 'error', { write: () => undefined });
    const api = new KubeApi({ transport: this.transport });
    const informer = new Informer<Pod>({ api, type: PODS, namespaces, clock, log, random: () => 0, trim: deepFreeze, relistMs });
    this.running.push(informer.run(this.stopping.signal));
    return informer;
  }

  /** Answers lists and watches from a script each; the last answer of each serves all later ones. */
  script(lists: readonly Answer[], watches: readonly Answer[]): void {
    const left = { list: [...lists], watch: [...watches] };
    this.fake.always((request, response) => {
      const answers = request.query.has('watch') ? left.watch : left.list;
      const next = answers.length > 1 ? answers.shift() : answers[0];
      next?.(request, response);
    });
  }

  /** `list <version asked>` and `watch <version from>` of all requests. */
  calls(): string[] {
    return this.fake.requests.map(({ query }) => (query.has('watch') ? `watch ${query.get('resourceVersion')}` : `list ${query.get('resourceVersion') ?? 'now'}`));
  }
}

/** Versions of the pods that an informer shows, by name. */
export function versions(informer: Informer<Pod>): Record<string, string | undefined> {
  return Object.fromEntries([...informer.cache.values()].map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
}

/** Waits until an informer shows just these versions. */
export function shows(informer: Informer<Pod>, want: Record<string, string>): Promise<void> {
  return until(() => expect(versions(informer)).toEqual(want));
}
