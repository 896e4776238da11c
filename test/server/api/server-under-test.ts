import type { SandboxListReply, SandboxReply } from '../../../src/schema/lifecycle-reply';
import { pathOf } from '../../support/operator-in-process';
import { until } from '../../support/waiting';
import { type Answer, type Sending, type ServerInProcess, startServer } from '../server-in-process';

/** Waits of a create are a second here: the least that the configuration takes. */
export const BRISK = '[kubernetes]\nsandbox_create_timeout_seconds = 1\npool_acquisition_timeout_seconds = 1\n[server]\nmax_sandbox_timeout_seconds = 86400\n';
/** Waits of a create are a second for room alone: what is full must have been told by then. */
export const IMPATIENT_FOR_ROOM = BRISK.replace('sandbox_create_timeout_seconds = 1\n', 'sandbox_create_timeout_seconds = 20\n');
/** Pods of the pool `warm`. */
export const POOL_SIZE = 12;
/** What a create says to get one of them. */
export const ROOM = { poolRef: 'warm' };

/** Body of a create from the pool, as the SDKs send it. */
export const pooled = (more: object = {}) => ({ image: { uri: 'python:3.11' }, entrypoint: ['tail', '-f', '/dev/null'], timeout: 600, resourceLimits: { cpu: '1' }, extensions: ROOM, ...more });
/** Body of a create without a pool. */
export const direct = (more: object = {}) => ({ image: { uri: 'python:3.11' }, entrypoint: ['sleep', 'infinity'], timeout: 600, resourceLimits: { cpu: '1', memory: '500Mi' }, ...more });

/** The server of a test file; all of its suites share it, and leave no sandbox. */
export interface ServerUnderTest {
  readonly world: ServerInProcess;
  /** Requests so far, as `METHOD path`. */
  readonly asked: ReadonlySet<string>;
  send<T = Record<string, unknown>>(method: string, path: string, sending?: Sending): Promise<Answer<T>>;
  list(query?: string): Promise<SandboxListReply>;
  /** Makes a sandbox. */
  create(body?: object, headers?: Sending['headers']): Promise<SandboxReply>;
}

/** Starts it before the tests of the file. */
export function useServer(): ServerUnderTest {
  let world: ServerInProcess | undefined;
  const asked = new Set<string>();
  const started = () => {
    if (world === undefined) throw new Error('server: expected a call from within a test');
    return world;
  };
  const under: ServerUnderTest = {
    get world() {
      return started();
    },
    asked,
    send: (method, path, sending) => {
      asked.add(`${method} ${path.split('?')[0] ?? ''}`);
      return started().send(method, path, sending);
    },
    list: async (query = '') => (await under.send<SandboxListReply>('GET', `/v1/sandboxes?${query}`)).body,
    create: async (body = pooled(), headers = {}) => {
      const answer = await under.send<SandboxReply>('POST', '/v1/sandboxes', { body, headers });
      expect(answer).toMatchObject({ status: 202 });
      return answer.body;
    },
  };
  beforeAll(async () => {
    world = await startServer(BRISK.replaceAll('_timeout_seconds = 1\n', '_timeout_seconds = 20\n'));
    await world.createPool('warm', POOL_SIZE);
  });
  afterAll(() => world?.stop());
  afterEach(async () => {
    await until(async () => {
      const { operator } = started();
      // Each time anew: a create whose caller has gone may write its sandbox after the test.
      const left = await operator.batches();
      for (const { metadata } of left) if (metadata.deletionTimestamp === undefined) await operator.delete(pathOf('batchsandboxes', metadata.name));
      await operator.makeReady();
      expect(left).toEqual([]);
      // The status of the pool may still be that of before the test.
      expect((await operator.pods()).map(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.podIP !== undefined)).toEqual(Array<boolean>(POOL_SIZE).fill(true));
      expect((await operator.pool('warm')).status).toMatchObject({ available: POOL_SIZE });
    });
  });
  return under;
}
