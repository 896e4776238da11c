import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { type BareClient, versionOf } from './bare-client';
import type { Stage } from './stage';

/** Merge patch that lets a batch go. */
export const DROP_FINALIZERS = JSON.stringify({ metadata: { finalizers: null } });

/** What a controller wrote for a batch, to be written again by hand: the same two writes with the same bytes, whatever they become. */
export class Replay {
  private constructor(
    private readonly status: string,
    private readonly metadata: string,
  ) {}

  static of({ status, metadata: { finalizers, annotations } }: BatchSandbox): Replay {
    const textWithVersion = (rest: string) => `{${rest}"metadata":{"resourceVersion":"`;
    const metadata = JSON.stringify({ finalizers, annotations });
    return new Replay(textWithVersion(`"status":${JSON.stringify(status)},`), `{"metadata":${metadata.slice(0, -1)},"resourceVersion":"`);
  }

  /** Bytes of both writes. */
  get bytes(): number {
    return this.status.length + this.metadata.length;
  }

  /**
   * Writes them, each with the version that the one before has left.
   *
   * @param created what the creation answered
   */
  async write(client: BareClient, path: string, created: string): Promise<void> {
    const recorded = await client.mergePatch(`${path}/status`, `${this.status}${versionOf(created)}"}}`);
    await client.mergePatch(path, `${this.metadata}${recorded}"}}`);
  }
}

/** Removes a batch that the loop has made. */
export async function removeHandMade({ client, loop, loopSpace, loopWatch }: Stage, name: string): Promise<void> {
  const path = loopSpace.path('BatchSandbox', name);
  const gone = loopWatch.untilGone(name);
  await loop.mergePatch(path, DROP_FINALIZERS);
  await client.send('DELETE', path);
  await gone;
}
