import { KubeApi } from '../../../operator/kube/api';
import { ClosingNamespaces } from '../../../operator/kube/closing-namespaces';
import { ApiError } from '../../../operator/kube/api-error';
import { fixedConnection } from '../../../operator/kube/connection';
import type { KubeEvent } from '../../../operator/kube/event-object';
import { EventRecorder } from '../../../operator/kube/events';
import { PODS } from '../../../operator/kube/resource-types';
import { Transport } from '../../../operator/kube/transport';
import { systemClock } from '../../../src/program/clock';
import { createLogger } from '../../../src/program/log';
import { FakeApi, json, refuse, silence } from '../../support/fake-api';
import { ManualClock, untilWith } from '../../support/manual-clock';
import { until } from '../../support/waiting';

const batch = { apiVersion: 'sandbox.opensandbox.io/v1alpha1', kind: 'BatchSandbox', metadata: { namespace: 'ns', name: 'b', uid: 'u', resourceVersion: '7' } };

const terminating = new ApiError(403, 'Forbidden', 'refused', { causes: [{ reason: 'NamespaceTerminating' }] });
const inNamespace = (namespace: string) => ({ ...batch, metadata: { ...batch.metadata, namespace, uid: `u-${namespace}` } });

describe('EventRecorder', () => {
  let fake: FakeApi;
  let transport: Transport;
  let clock: ManualClock;
  let dropped: number;
  let closingNamespaces: ClosingNamespaces;
  let recorder: EventRecorder;

  beforeEach(async () => {
    fake = await FakeApi.start();
    fake.always(json({}));
    transport = new Transport({ connection: fixedConnection(fake.url), clock: systemClock });
    clock = new ManualClock();
    dropped = 0;
    const log = createLogger('test', 'error', { write: () => undefined });
    closingNamespaces = new ClosingNamespaces(clock, log);
    recorder = new EventRecorder({ api: new KubeApi({ transport }), closingNamespaces, component: 'op', clock, log, onDropped: () => (dropped += 1) });
  });
  afterEach(async () => {
    const closing = recorder.close(0);
    await clock.advance(1);
    await closing;
    await transport.destroy();
    await fake.stop();
  });
  const sent = () => fake.requests.map(({ method, path, body }) => ({ method, path, ...(body as Partial<KubeEvent>) }));
  const refusePod = () => expect(closingNamespaces.create('ns', () => Promise.reject(terminating))).rejects.toBe(terminating);
  /** Moves time on until so many requests have come. */
  const untilSent = (count: number) => untilWith(clock, () => expect(fake.requests.length).toBeGreaterThanOrEqual(count));

  test('writes an event about an object, after a pause', async () => {
    recorder.record(batch, 'Normal', 'PodsAllocated', 'took 2 pods');
    await clock.advance(249);
    expect(fake.requests).toHaveLength(0);
    await untilSent(1);
    expect(sent()).toMatchObject([
      {
        method: 'POST',
        path: '/api/v1/namespaces/ns/events',
        involvedObject: { apiVersion: batch.apiVersion, kind: 'BatchSandbox', ...batch.metadata },
        type: 'Normal',
        reason: 'PodsAllocated',
        message: 'took 2 pods',
        source: { component: 'op' },
        count: 1,
        firstTimestamp: '2026-01-01T00:00:00Z',
      },
    ]);
    expect(sent()[0]?.metadata?.name).toMatch(/^b\.[0-9a-f]{16}$/);
  });

  describe('beside other calls', () => {
    let answer: () => Promise<unknown>;
    beforeEach(async () => {
      let reply: (() => void) | undefined;
      fake.always((request, response) => {
        if (request.method === 'GET') reply = () => json({})(request, response);
        else json({})(request, response);
      });
      const call = new KubeApi({ transport }).get(PODS, { namespace: 'ns', name: 'p' });
      await until(() => expect(reply).toBeDefined());
      answer = () => {
        reply?.();
        return call;
      };
      recorder.record(batch, 'Normal', 'One', 'x');
    });
    /** Events that are under way or were sent. */
    const events = () => sent().filter(({ method }) => method === 'POST').length + transport.callsUnderWay - 1;

    test('gives way to them', async () => {
      await clock.advance(1_500);
      expect(events()).toBe(0);
      await answer();
      await untilSent(2);
    });

    test('goes out after two seconds at most', async () => {
      await clock.advance(250 + 1_999);
      expect(events()).toBe(0);
      await clock.advance(1);
      expect(events()).toBe(1);
      await answer();
    });

    test('gives way again after a time without events, though the calls go on', async () => {
      await clock.advance(250 + 2_000);
      await untilSent(2);
      await untilWith(clock, () => expect(events()).toBe(1));
      await clock.advance(60_000);
      recorder.record(batch, 'Normal', 'Two', 'x');
      await clock.advance(250 + 1_999);
      expect(events()).toBe(1);
      await answer();
      await untilSent(3);
    });

    test('goes out at once when the program ends', async () => {
      const closing = recorder.close(5_000);
      await clock.advance(250);
      expect(events()).toBe(1);
      await untilSent(2);
      await closing;
      await answer();
    });
  });

  test('makes repeats one event, before and after it was sent', async () => {
    for (let i = 0; i < 3; i++) recorder.record(batch, 'Warning', 'FailedCreate', 'no quota');
    recorder.record(batch, 'Warning', 'FailedCreate', 'another message');
    await untilSent(2);
    recorder.record(batch, 'Warning', 'FailedCreate', 'no quota');
    await untilSent(3);
    expect(sent().map(({ method, count }) => `${method} ${count}`)).toEqual(['POST 3', 'POST 1', 'PATCH 4']);
    expect(sent()[2]?.path).toBe(`/api/v1/namespaces/ns/events/${sent()[0]?.metadata?.name}`);
  });

  test('makes an event again that has aged out', async () => {
    recorder.record(batch, 'Normal', 'Again', 'x');
    await untilSent(1);
    fake.script(refuse(404, 'NotFound'), json({}));
    recorder.record(batch, 'Normal', 'Again', 'x');
    await untilSent(2);
    recorder.record(batch, 'Normal', 'Again', 'x');
    await untilSent(3);
    expect(sent().map(({ method, count }) => `${method} ${count}`)).toEqual(['POST 1', 'PATCH 2', 'POST 3']);
  });

  test('sends a burst of 25 and then 10 a second', async () => {
    for (let i = 0; i < 60; i++) recorder.record(batch, 'Normal', 'Many', `message ${i}`);
    await clock.advance(300);
    // Time stands still until the server has what may be sent by then.
    const untilSentNow = (count: number) => untilWith(clock, () => expect(fake.requests.length).toBeGreaterThanOrEqual(count), 0);
    await untilSentNow(25);
    for (let second = 1; second <= 3; second++) {
      for (let step = 0; step < 10; step++) await clock.advance(100);
      await untilSentNow(25 + second * 10 - 1);
      expect(fake.requests.length).toBeLessThanOrEqual(25 + second * 10 + 1);
    }
  });

  test('keeps the newest 200 of a namespace, a thousand of all, and counts what it drops', async () => {
    for (let i = 0; i < 205; i++) recorder.record(batch, 'Normal', 'Many', `message ${i}`);
    expect([recorder.depth, dropped]).toEqual([200, 5]);
    for (let i = 0; i < 1_000; i++) recorder.record(inNamespace(`ns-${i % 10}`), 'Normal', 'Many', `message ${i}`);
    expect([recorder.depth, dropped]).toEqual([1_000, 205]);
    await untilSent(1);
    expect(sent()[0]?.message).toBe('message 115');
  });

  test('tells of every namespace in its turn, however much another has to tell', async () => {
    for (let i = 0; i < 150; i++) recorder.record(batch, 'Normal', 'Many', `message ${i}`);
    for (const namespace of ['a', 'b']) recorder.record(inNamespace(namespace), 'Normal', 'One', 'x');
    await untilSent(3);
    expect(sent().slice(0, 3).map(({ involvedObject }) => involvedObject?.namespace).sort()).toEqual(['a', 'b', 'ns']);
  });

  test('tells of others while the server takes its time for one namespace', async () => {
    fake.always((request, response) => {
      if (!request.path.includes('/ns/')) json({})(request, response);
    });
    for (let i = 0; i < 5; i++) recorder.record(batch, 'Normal', 'Many', `message ${i}`);
    for (let i = 0; i < 5; i++) recorder.record(inNamespace('other'), 'Normal', 'Many', `message ${i}`);
    await untilSent(6);
    expect(sent().map(({ path }) => path.split('/')[4]).sort()).toEqual(['ns', ...Array.from({ length: 5 }, () => 'other')]);
  });

  test('an event that was forgotten and happens again is another one', async () => {
    recorder.record(batch, 'Normal', 'Again', 'x');
    await untilSent(1);
    await refusePod();
    recorder.record(batch, 'Normal', 'Again', 'x');
    expect(recorder.depth).toBe(0);
    await clock.advance(60_000);
    recorder.record(batch, 'Normal', 'Again', 'x');
    await untilSent(2);
    const again = sent().filter(({ reason }) => reason === 'Again');
    expect(again.map(({ method, count }) => `${method} ${count}`)).toEqual(['POST 1', 'POST 1']);
    expect(again[0]?.metadata?.name).not.toBe(again[1]?.metadata?.name);
  });

  test.each([
    { title: 'is being deleted', answer: refuse(403, 'Forbidden', {}, { causes: [{ reason: 'NamespaceTerminating' }] }) },
    { title: 'is gone', answer: refuse(404, 'NotFound', {}, { kind: 'namespaces', name: 'ns' }) },
  ])('drops what waits and what follows for a namespace that $title', async ({ answer }) => {
    fake.always((request, response) => (request.path.includes('/ns/') ? answer : json({}))(request, response));
    for (let i = 0; i < 100; i++) recorder.record(batch, 'Normal', 'Many', `message ${i}`);
    for (let i = 0; i < 5; i++) recorder.record(inNamespace('other'), 'Normal', 'Many', `message ${i}`);
    await untilSent(6);
    await untilWith(clock, () => expect(recorder.depth).toBe(0));
    recorder.record(batch, 'Normal', 'Late', 'x');
    expect(recorder.depth).toBe(0);
    expect(sent().filter(({ path }) => path.includes('/ns/'))).toHaveLength(1);
    await clock.advance(60_000);
    recorder.record(batch, 'Normal', 'Later', 'x');
    expect(recorder.depth).toBe(1);
  });

  test('drops what waits for a namespace of which a pod was refused', async () => {
    for (let i = 0; i < 5; i++) recorder.record(batch, 'Normal', 'Many', `message ${i}`);
    recorder.record(inNamespace('other'), 'Normal', 'One', 'x');
    await refusePod();
    await untilSent(1);
    await untilWith(clock, () => expect(recorder.depth).toBe(0));
    expect(sent().map(({ involvedObject }) => involvedObject?.namespace)).toEqual(['other']);
  });

  test('the patch of a repeat that fails is not made a new event', async () => {
    recorder.record(batch, 'Normal', 'Again', 'x');
    await untilSent(1);
    fake.script(refuse(403, 'Forbidden'), json({}));
    recorder.record(batch, 'Normal', 'Again', 'x');
    await untilSent(2);
    recorder.record(batch, 'Normal', 'Again', 'x');
    await untilSent(3);
    expect(sent().map(({ method, count }) => `${method} ${count}`)).toEqual(['POST 1', 'PATCH 2', 'PATCH 3']);
  });

  test('goes on after an event that is refused', async () => {
    fake.script(refuse(403, 'Forbidden'), json({}));
    recorder.record(batch, 'Normal', 'One', 'x');
    recorder.record(batch, 'Normal', 'Two', 'x');
    await untilSent(2);
    expect(sent().map(({ reason }) => reason)).toEqual(['One', 'Two']);
  });

  test('closes when all is sent, or at its deadline', async () => {
    recorder.record(batch, 'Normal', 'Last', 'x');
    const closing = recorder.close(5_000);
    await untilSent(1);
    await closing;
    expect(clock.timerCount).toBe(0);
  });

  test('drops what a silent server does not take in time', async () => {
    fake.always(silence);
    recorder.record(batch, 'Normal', 'Last', 'x');
    const closing = recorder.close(1_000);
    await untilSent(1);
    await clock.advance(1_000);
    await closing;
    recorder.record(batch, 'Normal', 'Later', 'x');
    expect(recorder.depth).toBe(0);
  });
});
