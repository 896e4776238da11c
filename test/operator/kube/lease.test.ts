import { KubeApi } from '../../../operator/kube/api';
import { fixedConnection } from '../../../operator/kube/connection';
import { LeaseElector, type LeaseEnd } from '../../../operator/kube/lease';
import type { Lease } from '../../../operator/kube/lease-object';
import { type KubeCall, Transport } from '../../../operator/kube/transport';
import { systemClock } from '../../../src/program/clock';
import { createLogger } from '../../../src/program/log';
import { until } from '../../support/waiting';
import { type Answer, FakeApi, json, refuse, silence } from '../../support/fake-api';
import { ManualClock, settle } from '../../support/manual-clock';

const logged: { readonly level: string; readonly msg: string; readonly err?: unknown }[] = [];
const log = createLogger('test', 'info', { write: (line) => logged.push(JSON.parse(line) as (typeof logged)[number]) });

/** What is neither a conflict nor asked again by itself: an answer about what is wrong with an object names its kind. */
const REFUSAL = refuse(422, 'Invalid', {}, { kind: 'Lease' });

/** The one Lease of a server, with the preconditions of writes. */
class LeaseServer {
  lease: Lease | undefined;
  /** Answers instead of the server while set. */
  failure: Answer | undefined;
  private version = 0;

  constructor(fake: FakeApi) {
    fake.always((request, response) => {
      const answer = this.failure ?? this.answer(request.method, request.body as Lease | undefined);
      answer(request, response);
    });
  }

  get holder(): string | null | undefined {
    return this.lease?.spec?.holderIdentity;
  }

  private answer(method: string, body: Lease | undefined): Answer {
    if (method === 'GET') return this.lease === undefined ? refuse(404, 'NotFound') : json(this.lease);
    if (method === 'POST' && this.lease !== undefined) return refuse(409, 'AlreadyExists');
    if (method === 'PATCH' && body?.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) return refuse(409, 'Conflict');
    this.version += 1;
    this.lease = { metadata: { name: 'l', namespace: 'ns', resourceVersion: `v${this.version}` }, spec: { ...this.lease?.spec, ...body?.spec } };
    return json(this.lease);
  }
}

/** A transport that knows whether calls are under way. */
class CountingTransport extends Transport {
  private callCount = 0;

  override async call(call: KubeCall): Promise<unknown> {
    this.callCount += 1;
    try {
      return await super.call(call);
    } finally {
      this.callCount -= 1;
    }
  }

  /** Waits until what has been started is answered, and what the answers start as well. */
  async quiet(): Promise<void> {
    await settle();
    while (this.callCount > 0) await settle();
  }
}

/** One process that competes, with a clock of its own. */
class Competitor {
  readonly clock = new ManualClock();
  readonly elector: LeaseElector;
  readonly stop = new AbortController();
  end: LeaseEnd | undefined;
  readonly ended: Promise<void>;

  constructor(transport: Transport, identity: string) {
    this.elector = new LeaseElector({ api: new KubeApi({ transport }), namespace: 'ns', name: 'l', identity, clock: this.clock, log });
    this.ended = this.elector.run(this.stop.signal).then((end) => {
      this.end = end;
    });
  }
}

describe('LeaseElector', () => {
  let fake: FakeApi;
  let server: LeaseServer;
  let transport: CountingTransport;
  let competitors: Competitor[];

  beforeEach(async () => {
    fake = await FakeApi.start();
    server = new LeaseServer(fake);
    transport = new CountingTransport({ connection: fixedConnection(fake.url), clock: systemClock });
    competitors = [];
    logged.length = 0;
  });
  afterEach(async () => {
    server.failure = refuse(403, 'Forbidden');
    competitors.forEach(({ stop }) => stop.abort());
    await Promise.all(competitors.map(({ ended }) => ended));
    await transport.destroy();
    await fake.stop();
  });

  const enter = (identity: string) => {
    const competitor = new Competitor(transport, identity);
    competitors.push(competitor);
    return competitor;
  };
  /** Moves a clock on and waits until the calls that this started are answered. */
  const pass = async ({ clock }: Competitor, seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      await clock.advance(1_000);
      await transport.quiet();
    }
  };
  test('takes a lease that nobody has, and keeps it', async () => {
    const one = enter('one');
    await one.elector.acquired;
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 15, leaseTransitions: 0 });
    const { acquireTime } = server.lease?.spec ?? {};
    await pass(one, 60);
    expect([one.elector.held(), server.lease?.spec?.acquireTime]).toEqual([true, acquireTime]);
    expect(server.lease?.spec?.renewTime).not.toBe(acquireTime);
  });

  test('of two that start together, one takes the lease, and the other says in one line that it was late', async () => {
    // Both have looked, and found nothing, before either writes.
    const looks: (() => void)[] = [];
    server.failure = (request, response) => {
      looks.push(() => refuse(404, 'NotFound')(request, response));
      if (looks.length < 2) return;
      server.failure = undefined;
      looks.forEach((answer) => answer());
    };
    const [one, two] = [enter('one'), enter('two')];
    await Promise.race([one.elector.acquired, two.elector.acquired]);
    await transport.quiet();
    expect([one, two].filter(({ elector }) => elector.held())).toHaveLength(1);
    expect(logged.map(({ level, msg, err }) => ({ level, msg, err })).sort((a, b) => a.msg.localeCompare(b.msg))).toEqual([
      { level: 'info', msg: 'lease acquired', err: undefined },
      { level: 'info', msg: 'lease written by another first', err: undefined },
    ]);
  });

  test('warns of a lease that cannot be written', async () => {
    server.failure = refuse(403, 'Forbidden');
    enter('one');
    await until(() => expect(logged).toMatchObject([{ level: 'warn', msg: 'lease not written', err: expect.anything() as unknown }]));
  });

  test('looks every 0.5 s while it waits, and no more often than every 2 s while the server fails', async () => {
    server.lease = { metadata: { name: 'l', resourceVersion: 'x' }, spec: { holderIdentity: 'two', leaseDurationSeconds: 60 } };
    const one = enter('one');
    await transport.quiet();
    const asked = async (seconds: number) => {
      const before = fake.requests.length;
      for (let i = 0; i < seconds * 2; i++) {
        await one.clock.advance(500);
        await transport.quiet();
      }
      return fake.requests.length - before;
    };
    expect(await asked(4)).toBe(8);
    server.failure = REFUSAL;
    await asked(2);
    expect(await asked(4)).toBe(2);
  });

  test('waits while another renews, and takes over 15 s after its last renewal', async () => {
    const one = enter('one');
    await one.elector.acquired;
    const two = enter('two');
    for (let i = 0; i < 20; i++) {
      await pass(one, 2);
      await pass(two, 2);
    }
    expect([one.elector.held(), two.elector.held()]).toEqual([true, false]);
    // The first process has stopped as a whole: its clock stands still for us.
    await pass(two, 13);
    expect(two.elector.held()).toBe(false);
    await pass(two, 5);
    expect([two.elector.held(), server.holder, server.lease?.spec?.leaseTransitions]).toEqual([true, 'two', 1]);
    // Its clock has moved on before anything of it ran.
    await one.clock.advance(15_000);
    expect(one.elector.held()).toBe(false);
    await one.ended;
    expect([one.end, server.holder]).toEqual(['lost', 'two']);
  });

  test.each<[string, Answer]>([
    ['refuses', refuse(500, 'InternalError')],
    ['says nothing', silence],
  ])('stops to act 10 s after its last renewal when the server %s, and another may begin only later (R112)', async (_title, failure) => {
    const one = enter('one');
    await one.elector.acquired;
    server.failure = failure;
    await one.clock.advance(9_999);
    expect(one.elector.held()).toBe(true);
    await one.clock.advance(1);
    expect(one.elector.held()).toBe(false);
    await one.ended;
    expect(one.end).toBe('lost');
  });

  test('survives a server that fails for a few seconds', async () => {
    const one = enter('one');
    await one.elector.acquired;
    server.failure = REFUSAL;
    await pass(one, 7);
    server.failure = undefined;
    await pass(one, 20);
    expect([one.elector.held(), one.end]).toEqual([true, undefined]);
  });

  test('counts the hold from before the request, not from its answer', async () => {
    const one = enter('one');
    await one.elector.acquired;
    let answerLate: () => void = () => undefined;
    server.failure = (request, response) => {
      server.failure = undefined;
      answerLate = () => json({ metadata: { ...server.lease?.metadata }, spec: { holderIdentity: 'one' } })(request, response);
    };
    const before = fake.requests.length;
    await one.clock.advance(2_000);
    await until(() => expect(fake.requests.length).toBe(before + 1));
    await one.clock.advance(3_000);
    server.failure = REFUSAL;
    answerLate();
    await transport.quiet();
    await one.clock.advance(6_999);
    expect(one.elector.held()).toBe(true);
    await one.clock.advance(1);
    expect(one.elector.held()).toBe(false);
  });

  test('loses the lease when another has taken it', async () => {
    const one = enter('one');
    await one.elector.acquired;
    server.lease = { metadata: { name: 'l', resourceVersion: 'x' }, spec: { holderIdentity: 'two', leaseDurationSeconds: 15 } };
    await pass(one, 6);
    expect([one.end, one.elector.held(), server.holder]).toEqual(['lost', false, 'two']);
  });

  test('frees the lease when it stops, so that another takes it at its next look', async () => {
    const one = enter('one');
    await one.elector.acquired;
    const two = enter('two');
    await pass(two, 2);
    one.stop.abort();
    await one.ended;
    expect([one.end, one.elector.held(), server.holder]).toEqual(['released', false, '']);
    await pass(two, 1);
    expect([two.elector.held(), server.holder]).toEqual([true, 'two']);
    two.stop.abort();
    await two.ended;
  });

  test('never lets two hold the lease, whenever calls fail and clocks run (R112)', async () => {
    const one = enter('one');
    const two = enter('two');
    for (let second = 0; second < 200; second++) {
      server.failure = second % 50 < 18 && second > 20 ? REFUSAL : undefined;
      for (const competitor of [one, two]) {
        await pass(competitor, 1);
        expect([one, two].filter(({ elector }) => elector.held()).length).toBeLessThanOrEqual(1);
      }
    }
  });
});
