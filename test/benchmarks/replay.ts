import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { type BareClient, versionOf } from './bare-client';
import type { Stage } from './stage';

/** JSON patch that lets a batch go. */
export const DROP_FINALIZERS = JSON.stringify([{ op: 'remove', path: '/metadata/finalizers' }]);

/**
 * What a controller wrote for a batch, to be written again by hand: the same two writes with the same content, whatever it becomes.
 *
 * Their form is the one that costs the API server least: JSON patches without a check of unknown fields take a fifth less of its time than merge patches.
 */
export class Replay {
  private constructor(
    /** All of each patch but the version that it expects. */
    private readonly status: string,
    private readonly metadata: string,
  ) {}

  static of({ status, metadata: { finalizers, annotations } }: BatchSandbox): Replay {
    const add = (path: string, value: unknown) => `{"op":"add","path":"${path}","value":${JSON.stringify(value)}},`;
    return new Replay(add('/status', status), add('/metadata/finalizers', finalizers) + add('/metadata/annotations', annotations));
  }

  /**
   * Writes them, each with the version that the one before has left as its precondition.
   *
   * @param created what the creation answered
   */
  async write(client: BareClient, path: string, created: string): Promise<void> {
    const recorded = await client.patch(`${path}/status`, withVersion(this.status, versionOf(created)));
    await client.patch(path, withVersion(this.metadata, recorded));
  }
}

function withVersion(operations: string, version: string): string {
  return `[${operations}{"op":"replace","path":"/metadata/resourceVersion","value":"${version}"}]`;
}

/** Removes a batch that the loop has made. */
export async function removeHandMade({ client, loop, loopSpace, loopWatch }: Stage, name: string): Promise<void> {
  const path = loopSpace.path('BatchSandbox', name);
  const gone = loopWatch.untilGone(name);
  await loop.patch(path, DROP_FINALIZERS);
  await client.send('DELETE', path);
  await gone;
}
