import { randomBytes } from 'node:crypto';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { KubeObject, Pod } from '../../src/schema/kubernetes';
import { Annotation, API_VERSION } from '../../src/schema/names';
import type { Pool } from '../../src/schema/pool';
import type { ApiAnswer } from './api-client';
import { tookOverSince } from './take-over';
import type { ProgramResult, Target } from './target';
import { PATIENCE_MS, until } from './waiting';

/** An Event, as far as tests read it. */
export interface KubeEvent extends KubeObject {
  readonly involvedObject: { readonly kind: string; readonly name: string };
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  /** How often it has happened. */
  readonly count: number;
}

/** Objects that tests read, by kind. */
interface ObjectByKind {
  readonly Pool: Pool;
  readonly BatchSandbox: BatchSandbox;
  readonly Pod: Pod;
  readonly Event: KubeEvent;
}
export type Kind = keyof ObjectByKind;

const RESOURCES: Readonly<Record<Kind, { readonly prefix: string; readonly plural: string }>> = {
  Pool: { prefix: `/apis/${API_VERSION}`, plural: 'pools' },
  BatchSandbox: { prefix: `/apis/${API_VERSION}`, plural: 'batchsandboxes' },
  Pod: { prefix: '/api/v1', plural: 'pods' },
  Event: { prefix: '/api/v1', plural: 'events' },
};

/** Begin of the names of the namespaces of tests. */
export const SPACE_PREFIX = 'acceptance-';
/** Longest life of a namespace after its deletion, in ms; a pod may take its grace time. */
const REMOVED_WITHIN_MS = 45_000;

/** What is asked of an event beside its reason, maybe by matchers of Jest. */
type EventPart = Partial<Pick<KubeEvent, 'type' | 'message'>>;
/** Waits for an event in ms: so long it is missed in any case, and so long at most, before patience is counted in. */
interface EventWaits {
  readonly lostAfterMs: number;
  readonly withinMs: number;
}
/** An event comes within a second or two, and a killed operator has a successor within 20 s. */
const EVENT_WAITS: EventWaits = { lostAfterMs: 20_000, withinMs: PATIENCE_MS };

/** What a cluster has to offer for {@link Space}. */
export type SpaceTarget = Pick<Target, 'request' | 'kubectl' | 'podTemplate' | 'tookOverAt'>;

/** A namespace of one test. */
export class Space {
  private constructor(
    readonly target: SpaceTarget,
    readonly namespace: string,
    /** When it was made, in ms since 1970. */
    private readonly madeAt: number,
  ) {}

  static async create(target: SpaceTarget): Promise<Space> {
    const name = `${SPACE_PREFIX}${randomBytes(4).toString('hex')}`;
    const { status, body } = await target.request<KubeObject>('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    if (status !== 201) throw new Error(`namespace '${name}': expected status 201, got ${status}: ${JSON.stringify(body)}`);
    return new Space(target, name, madeAtOf(body));
  }

  /** Path of an object, or of all objects of a kind. */
  path(kind: Kind, name?: string): string {
    const { prefix, plural } = RESOURCES[kind];
    return `${prefix}/namespaces/${this.namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
  }

  /** Creates a Pool or batch and returns the answer, whatever it is. */
  tryCreate<K extends 'Pool' | 'BatchSandbox'>(kind: K, name: string, spec: unknown): Promise<ApiAnswer<ObjectByKind[K]>> {
    return this.target.request('POST', this.path(kind), { apiVersion: API_VERSION, kind, metadata: { name }, spec });
  }

  /** Creates a Pool or batch. */
  async create<K extends 'Pool' | 'BatchSandbox'>(kind: K, name: string, spec: ObjectByKind[K]['spec']): Promise<ObjectByKind[K]> {
    return expectStatus(201, `create ${kind} '${name}'`, await this.tryCreate(kind, name, spec));
  }

  /** An object; undefined when there is none. */
  async find<K extends Kind>(kind: K, name: string): Promise<ObjectByKind[K] | undefined> {
    const answer = await this.target.request<ObjectByKind[K]>('GET', this.path(kind, name));
    return answer.status === 404 ? undefined : expectStatus(200, `get ${kind} '${name}'`, answer);
  }

  /** An object that is there. */
  async get<K extends Kind>(kind: K, name: string): Promise<ObjectByKind[K]> {
    return expectStatus(200, `get ${kind} '${name}'`, await this.target.request<ObjectByKind[K]>('GET', this.path(kind, name)));
  }

  /** All objects of a kind in the namespace. */
  async list<K extends Kind>(kind: K): Promise<readonly ObjectByKind[K][]> {
    return expectStatus(200, `list ${kind}`, await this.target.request<{ items: ObjectByKind[K][] }>('GET', this.path(kind))).items;
  }

  /** Changes an object, or its status, by a merge patch. */
  async patch<K extends Kind>(kind: K, name: string, patch: unknown, subresource?: 'status'): Promise<ObjectByKind[K]> {
    const path = this.path(kind, name) + (subresource === undefined ? '' : `/${subresource}`);
    return expectStatus(200, `patch ${kind} '${name}'`, await this.target.request<ObjectByKind[K]>('PATCH', path, patch, 'application/merge-patch+json'));
  }

  /** Asks for the deletion of an object. */
  async delete(kind: Kind, name: string): Promise<void> {
    const { status, body } = await this.target.request('DELETE', this.path(kind, name));
    if (status !== 200 && status !== 202) throw new Error(`delete ${kind} '${name}': expected status 200, got ${status}: ${JSON.stringify(body)}`);
  }

  /** Waits until `check` accepts the object without throwing, and returns the object. */
  until<K extends Kind>(kind: K, name: string, check: (object: ObjectByKind[K]) => void, withinMs?: number): Promise<ObjectByKind[K]> {
    return until(async () => {
      const object = await this.get(kind, name);
      check(object);
      return object;
    }, withinMs);
  }

  /** Waits until there is no such object. */
  async untilGone(kind: Kind, name: string, withinMs?: number): Promise<void> {
    await until(async () => expect(await this.find(kind, name)).toBeUndefined(), withinMs);
  }

  /** Waits until a Pool has so many idle pods that are Ready. */
  untilWarm(pool: string, available: number, withinMs?: number): Promise<Pool> {
    return this.until('Pool', pool, ({ status }) => expect(status?.available).toBe(available), withinMs);
  }

  /** Waits until all slots of a batch are Ready and published. */
  untilDelivered(batch: string, withinMs?: number): Promise<BatchSandbox> {
    return this.until(
      'BatchSandbox',
      batch,
      (object) => {
        const replicas = object.spec.replicas ?? 1;
        expect(object.status).toMatchObject({ replicas, allocated: replicas, ready: replicas });
        expect(endpointsOf(object).filter((ip) => ip !== '')).toHaveLength(replicas);
      },
      withinMs,
    );
  }

  /**
   * Waits for an event about an object, with this reason and what else is asked of it; whether it is there.
   *
   * Events are news: they leave the operator after the writes that they tell of, so one that is killed in between takes them with it, and the next has no
   * reason to tell them again. Where other tests kill the operator, an event is therefore not missed if another one has taken over since the object was made,
   * or the namespace, when the object has gone.
   *
   * @throws Error with the events that there are
   */
  expectEvent(name: string, reason: string, more: EventPart = {}, { lostAfterMs, withinMs }: EventWaits = EVENT_WAITS): Promise<boolean> {
    const beganMs = performance.now();
    return until(async () => {
      const events = (await this.list('Event')).filter(({ involvedObject }) => involvedObject.name === name);
      try {
        expect(events.map(({ type, reason: given, message, count }) => ({ type, reason: given, message, count }))).toContainEqual(expect.objectContaining({ reason, ...more }));
        return true;
      } catch (error) {
        if (performance.now() - beganMs < lostAfterMs || !(await tookOverSince(this.target, await this.madeAtOf(name)))) throw error;
        return false;
      }
    }, withinMs);
  }

  /** When a Pool or batch was made, or else the namespace, in ms since 1970. */
  private async madeAtOf(name: string): Promise<number> {
    const object = (await this.find('BatchSandbox', name)) ?? (await this.find('Pool', name));
    return object === undefined ? this.madeAt : madeAtOf(object);
  }

  /** Runs kubectl in the namespace. */
  kubectl(args: readonly string[], input?: string): Promise<ProgramResult> {
    return this.target.kubectl(['--namespace', this.namespace, ...args], input);
  }

  /** Asks for the deletion of the namespace. */
  async drop(): Promise<void> {
    await this.target.request('DELETE', `/api/v1/namespaces/${this.namespace}`);
  }

  /** Deletes the namespace and waits until it is gone. */
  async remove(): Promise<void> {
    await this.drop();
    await until(async () => {
      const { status, body } = await this.target.request('GET', `/api/v1/namespaces/${this.namespace}`);
      if (status !== 404) throw new Error(`namespace '${this.namespace}': expected none after its deletion, got ${JSON.stringify(body)}`);
    }, REMOVED_WITHIN_MS);
  }
}

function expectStatus<T>(wanted: number, what: string, { status, body }: ApiAnswer<T>): T {
  if (status !== wanted) throw new Error(`${what}: expected status ${wanted}, got ${status}: ${JSON.stringify(body)}`);
  return body;
}

function madeAtOf({ metadata }: KubeObject): number {
  return Date.parse(metadata.creationTimestamp ?? '');
}

/** Addresses of a batch in slot order, `''` for a slot without one; empty before the first is published. */
export function endpointsOf(batch: BatchSandbox): readonly string[] {
  return JSON.parse(batch.metadata.annotations?.[Annotation.endpoints] ?? '[]') as string[];
}

/** Names of the pods that a pooled batch says it holds, in slot order. */
export function mirroredPodsOf(batch: BatchSandbox): readonly string[] {
  return (JSON.parse(batch.metadata.annotations?.[Annotation.allocStatus] ?? '{"pods":[]}') as { pods: string[] }).pods;
}

/** UIDs of the pods that are recorded for a pooled batch, in slot order. */
export function recordedUIDsOf(batch: BatchSandbox): readonly string[] {
  return (batch.status?.allocation?.slots ?? []).flatMap((slot) => slot.split('/')[1] ?? []);
}

/** The condition of this type of an object. */
export function conditionOf(object: BatchSandbox | Pool, type: string) {
  const conditions: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[] = object.status?.conditions ?? [];
  return conditions.find((condition) => condition.type === type);
}
