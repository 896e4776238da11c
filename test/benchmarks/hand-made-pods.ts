import type { Pod } from '../../src/schema/kubernetes';
import { inParallel } from '../support/waiting';
import { PodWatch } from './pod-watch';
import type { Stage } from './stage';
import { POD_TEMPLATE } from './warm-pool';

/** Requests of the loop at once. */
export const AT_ONCE = 64;
const UID = '"uid":"';
/** On every pod of the loop. */
const LABEL = { made: 'by-hand' } as const;

/** A pod, to be deleted by its UID. */
export interface HandMadePod {
  readonly name: string;
  readonly uid: string;
}

/** Pods that a bare loop makes and deletes, in its own namespace, with an owner like those of a controller. */
export class HandMadePods {
  private count = 0;

  private constructor(
    private readonly stage: Stage,
    private readonly watch: PodWatch,
    private readonly owner: HandMadePod,
  ) {}

  /** Begins to watch; there is no pod in the loop's namespace yet. */
  static async open(stage: Stage): Promise<HandMadePods> {
    const { client, loopSpace } = stage;
    const name = 'owner';
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
    const path = `/api/v1/namespaces/${loopSpace.namespace}/configmaps`;
    const uid = uidOf(await client.send('POST', path, body));
    return new HandMadePods(stage, await PodWatch.open(client, loopSpace.path('Pod')), { name, uid });
  }

  /**
   * Makes so many pods beside those there are, and waits until all are Ready.
   *
   * @param like a pod of the controller, whose labels and annotations they get
   * @returns the pods, and when they were Ready, by `performance.now()`
   */
  async make(count: number, like: Pod | undefined): Promise<{ readonly pods: readonly HandMadePod[]; readonly atMs: number }> {
    const { loop, loopSpace } = this.stage;
    const ready = this.watch.untilReady(count);
    const path = loopSpace.path('Pod');
    const bodies = Array.from({ length: count }, () => {
      const name = `by-hand-${String((this.count += 1)).padStart(6, '0')}`;
      return { name, body: this.manifest(name, like) };
    });
    const pods = await inParallel(bodies, AT_ONCE, async ({ name, body }) => ({ name, uid: uidOf(await loop.send('POST', path, body, { metadataOnly: true })) }));
    return { pods, atMs: await ready };
  }

  /** Deletes pods, each with its UID as precondition. */
  async delete(pods: readonly HandMadePod[]): Promise<void> {
    const { loop, loopSpace } = this.stage;
    await inParallel(pods, AT_ONCE, ({ name, uid }) =>
      loop.send('DELETE', loopSpace.path('Pod', name), `{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"${uid}"}}`, { metadataOnly: true }),
    );
  }

  /** Removes whatever there is. */
  async removeAll(): Promise<void> {
    const none = this.watch.untilNone();
    await this.stage.loop.send('DELETE', `${this.stage.loopSpace.path('Pod')}?labelSelector=made%3Dby-hand`);
    await none;
  }

  /** Waits until none is left. */
  async untilNone(): Promise<void> {
    await this.watch.untilNone();
  }

  private manifest(name: string, like: Pod | undefined): string {
    const { labels, annotations } = like?.metadata ?? {};
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', ...this.owner, controller: true, blockOwnerDeletion: true };
    return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { ...labels, ...LABEL }, annotations, ownerReferences: [owner] }, spec: POD_TEMPLATE.spec });
  }
}

function uidOf(text: string): string {
  const start = text.indexOf(UID) + UID.length;
  return text.slice(start, text.indexOf('"', start));
}
