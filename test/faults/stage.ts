import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { Pod, PodTemplateSpec } from '../../src/schema/kubernetes';
import type { ApiAnswer } from '../support/api-client';
import type { Image } from './nodes';
import type { TaskSpec } from './operations';
import type { Weather } from './weather';

/** An operator of a world, as operations meet it. */
export interface Victim {
  /** SIGKILL. */
  kill(): void;
  /** SIGTERM. */
  stop(): void;
  /** SIGSTOP, and SIGCONT after a while. */
  freeze(forMs: number): void;
}

/**
 * A world as operations act on it: the simulated one, or a real one. What a world cannot do, it does not do.
 *
 * Paths and objects are those of `paths.ts`; what is read is as the world knows it now.
 */
export interface Stage {
  readonly history: { note(what: string): void };
  readonly clock: { now(): Date; setTimer(ms: number, callback: () => void): unknown };
  readonly api: {
    /** A request of a user, whom no trouble strikes. */
    request(who: string, method: string, path: string, body?: object): Promise<Pick<ApiAnswer, 'status'>>;
    /** Ends all watches: by the end of the stream, or by a broken connection. */
    dropWatches(cleanly: boolean): void;
    /** The next watches cannot go on from where they were: the answer is 410. */
    forgetHistory(): void;
    stop(): void;
    start(): void;
  };
  readonly nodes: {
    readonly names: readonly string[];
    lose(node: string): void;
    /** A container of the pod ends. */
    fail(pod: Pod): void;
    /** The pod is not Ready for a while. */
    shake(pod: Pod, forMs: number): void;
    /** A container of the pod ends, and starts anew. */
    restart(pod: Pod, container: string): unknown;
  };
  /** `restart`: the executor of a pod is dead for a while. */
  readonly executors: { restart(podUID: string, downMs: number): void };
  readonly operator: { at(share: number): Victim | undefined };
  readonly weather: { begin(weather: Weather, share: number, forMs: number): void };
  /** All pods, in the order of their names. */
  pods(): readonly Pod[];
  batch(name: string): BatchSandbox | undefined;
  /** Template of pods whose main container does what an image does; another version is another revision. */
  templateOf(image: Image, version: number): PodTemplateSpec;
  /** The members of a batch's spec that ask for a task. */
  taskFields(task: TaskSpec): object;
}
