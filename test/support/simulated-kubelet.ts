import type { Pod } from '../../src/schema/kubernetes';
import { addressOf, isHandMade, readyStatus } from './hand-made-pods';
import type { Space } from './space';
import type { Target } from './target';

/** Answers to a status of a pod that went meanwhile. */
const GONE: readonly number[] = [404, 409];

/**
 * Makes pods of `handMadeTemplate` in a namespace Running and Ready as soon as they are there, each with an address of its own on which
 * nothing answers: for tests of who has which pods and how many, to which containers would add nothing but their cost.
 */
export class SimulatedKubelet {
  private readonly ended = new AbortController();
  private readonly running: Promise<unknown>;
  /** Pods that were made Ready. */
  private broughtCount = 0;

  private constructor(
    private readonly target: Pick<Target, 'request' | 'watch'>,
    private readonly space: Space,
    version: string,
  ) {
    // A failure is told by stop().
    this.running = this.watch(version).catch((error: unknown) => (this.ended.signal.aborted ? undefined : error));
  }

  /** Begins in a namespace that is empty. */
  static async start(target: Pick<Target, 'request' | 'watch'>, space: Space): Promise<SimulatedKubelet> {
    const { body } = await target.request<{ readonly metadata: { readonly resourceVersion: string } }>('GET', space.path('Pod'));
    return new SimulatedKubelet(target, space, body.metadata.resourceVersion);
  }

  /** @throws what ended it before */
  async stop(): Promise<void> {
    this.ended.abort();
    const failure = await this.running;
    if (failure !== undefined) throw failure;
  }

  /** A busy server ends watches now and then; the next one goes on where the last has ended. */
  private async watch(version: string): Promise<void> {
    let from = version;
    for (;;) {
      for await (const { type, object } of this.target.watch<Pod>(`${this.space.path('Pod')}?watch=true&resourceVersion=${from}`, this.ended.signal)) {
        if (type === 'ERROR') throw new Error(`watch of pods: expected changes, got ${JSON.stringify(object)}`);
        from = object.metadata.resourceVersion ?? from;
        if (type === 'ADDED' && isHandMade(object)) await this.bring(object);
      }
    }
  }

  private async bring({ metadata: { name, uid = '' } }: Pod): Promise<void> {
    const status = readyStatus(addressOf(this.broughtCount++));
    const answer = await this.target.request('PATCH', `${this.space.path('Pod', name)}/status`, { metadata: { uid }, status }, 'application/merge-patch+json');
    if (answer.status !== 200 && !GONE.includes(answer.status)) throw new Error(`status of pod '${name}': expected status 200, got ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
}
