import fc from 'fast-check';
import { ObjectCache, type PendingWrite } from '../../../operator/kube/cache';
import { deepFreeze } from '../../support/freeze';
import { type Thing, thing } from './things';

/** One step of the simulation; steps that do not fit the moment do nothing. */
const STEPS = ['other', 'otherDelete', 'begin', 'commit', 'answer', 'fail', 'deliver', 'list', 'snapshot', 'listed', 'readNow', 'readAnswer'] as const;
type Step = readonly [(typeof STEPS)[number], 0 | 1, 'change' | 'same' | 'delete'];

/** An own write under way. */
interface OwnWrite {
  readonly pending: PendingWrite<Thing>;
  readonly verb: Step[2];
  outcome?: { readonly object: Thing | undefined; readonly uid: string; readonly seq: number };
}

/**
 * A server of two objects, a watch that lags, lists and reads that are answered late, other writers, and the cache.
 * `seq` orders all states of the server; the cache never sees it, and versions say nothing about order.
 */
class World {
  readonly cache = new ObjectCache<Thing>({ read: (key) => this.startRead(key), trim: deepFreeze });
  readonly problems: string[] = [];
  private seq = 0;
  private uids = 0;
  private readonly seqByVersion = new Map<string, number>();
  private readonly objects = new Map<string, Thing>();
  private readonly log: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: Thing }[] = [];
  private delivered = 0;
  private listing: { token: number; state?: Thing[]; position?: number } | undefined;
  private readonly writes = new Map<string, OwnWrite[]>();
  private readonly reads: { key: string; answer: (object: Thing | undefined) => void; state?: { object: Thing | undefined } }[] = [];
  /** Newest state of each key that an own write was told of. */
  private readonly toldSeq = new Map<string, number>();
  /** When each key was absent: from and until, as seqs. */
  private readonly absences = new Map<string, { from: number; until: number }[]>();

  /** @param loose own writes of one key may overlap, and objects may be deleted without our being told: only the end can be judged */
  constructor(private readonly loose: boolean) {
    this.cache.onChange(() => this.checkOrder());
    this.cache.replace(this.cache.beginList(true), []);
  }

  async step([step, index, verb]: Step): Promise<void> {
    const key = `ns/${['a', 'b'][index] ?? ''}`;
    switch (step) {
      case 'other':
        this.change(key);
        break;
      case 'otherDelete':
        if (this.loose) this.delete(key);
        break;
      case 'begin':
        this.begin(key, verb);
        break;
      case 'commit':
        this.commit(key);
        break;
      case 'answer':
        this.answer(key);
        break;
      case 'fail':
        this.fail(key);
        break;
      case 'deliver':
        if (this.listing === undefined) this.deliver();
        break;
      case 'list':
        this.listing ??= { token: this.cache.beginList(true) };
        break;
      case 'snapshot':
        if (this.listing !== undefined && this.listing.state === undefined) {
          this.listing = { ...this.listing, state: [...this.objects.values()], position: this.log.length };
        }
        break;
      case 'listed':
        this.finishList();
        break;
      case 'readNow':
        this.reads.filter(({ state }) => state === undefined).forEach((read) => (read.state = { object: this.objects.get(read.key) }));
        break;
      case 'readAnswer':
        this.answerReads();
        break;
    }
    // Reads go on in microtasks.
    for (let i = 0; i < 6; i++) await Promise.resolve();
    this.checkOrder();
  }

  /** Ends all that is under way and delivers everything. */
  async finish(): Promise<void> {
    for (const key of ['ns/a', 'ns/b']) {
      for (let i = 0; i < 10; i++) {
        this.commit(key);
        this.answer(key);
      }
    }
    for (let i = 0; i < 10; i++) {
      await this.step(['snapshot', 0, 'same']);
      await this.step(['listed', 0, 'same']);
      await this.step(['readNow', 0, 'same']);
      await this.step(['readAnswer', 0, 'same']);
    }
    while (this.delivered < this.log.length) await this.step(['deliver', 0, 'same']);
  }

  async changeAll(): Promise<void> {
    for (const index of [0, 1] as const) await this.step(['other', index, 'same']);
    await this.finish();
  }

  difference(): object {
    const versions = (objects: Iterable<Thing>) => [...objects].map(({ metadata }) => metadata.resourceVersion).sort();
    return { shown: versions(this.cache.values()), stored: versions(this.objects.values()) };
  }

  private nextVersion(): string {
    this.seq += 1;
    // Neither text nor number of a version tells its place.
    const version = String((this.seq * 7919) % 10_007);
    this.seqByVersion.set(version, this.seq);
    return version;
  }

  private change(key: string): Thing {
    const before = this.objects.get(key);
    const uid = before?.metadata.uid ?? `u${(this.uids += 1)}`;
    const object = thing(this.nextVersion(), { uid, name: key.slice(3) });
    this.objects.set(key, object);
    this.log.push({ type: before === undefined ? 'ADDED' : 'MODIFIED', object });
    if (before === undefined) this.endAbsence(key);
    return object;
  }

  private delete(key: string): Thing | undefined {
    const before = this.objects.get(key);
    if (before === undefined) return undefined;
    const gone = thing(this.nextVersion(), { uid: before.metadata.uid, name: key.slice(3) });
    this.objects.delete(key);
    this.log.push({ type: 'DELETED', object: gone });
    this.absencesOf(key).push({ from: this.seq, until: Infinity });
    return before;
  }

  private begin(key: string, verb: Step[2]): void {
    const writes = this.writes.get(key) ?? [];
    if (writes.length > 0 && !this.loose) return;
    this.writes.set(key, [...writes, { pending: this.cache.beginWrite(key), verb }]);
  }

  private commit(key: string): void {
    const write = this.writes.get(key)?.find(({ outcome }) => outcome === undefined);
    if (write === undefined) return;
    if (write.verb === 'delete') {
      const gone = this.delete(key);
      if (gone !== undefined) write.outcome = { object: undefined, uid: gone.metadata.uid ?? '', seq: this.seq };
      else this.fail(key);
      return;
    }
    const same = write.verb === 'same' ? this.objects.get(key) : undefined;
    const object = same ?? this.change(key);
    write.outcome = { object, uid: object.metadata.uid ?? '', seq: this.seqOf(object) };
  }

  private answer(key: string): void {
    const write = this.writes.get(key)?.find(({ outcome }) => outcome !== undefined);
    if (write?.outcome === undefined) return;
    this.forget(key, write);
    const { object, uid, seq } = write.outcome;
    this.toldSeq.set(key, Math.max(seq, this.toldSeq.get(key) ?? 0));
    if (object === undefined) write.pending.removed(uid);
    else write.pending.stored(object);
  }

  private fail(key: string): void {
    const write = this.writes.get(key)?.[0];
    if (write === undefined) return;
    // A deletion that nobody was told of is the case that the cache cannot see.
    if (!this.loose && write.outcome !== undefined && write.outcome.object === undefined) return;
    this.forget(key, write);
    write.pending.failed();
  }

  private forget(key: string, write: OwnWrite): void {
    this.writes.set(key, (this.writes.get(key) ?? []).filter((other) => other !== write));
  }

  private deliver(): void {
    const event = this.log[this.delivered];
    if (event === undefined) return;
    this.delivered += 1;
    this.cache.apply(event.type, event.object);
  }

  private finishList(): void {
    const { token, state, position } = this.listing ?? {};
    if (token === undefined || state === undefined || position === undefined) return;
    this.listing = undefined;
    this.delivered = position;
    this.cache.replace(token, state);
  }

  private startRead(key: string): Promise<Thing | undefined> {
    return new Promise((resolve) => this.reads.push({ key, answer: resolve }));
  }

  private answerReads(): void {
    const answered = this.reads.filter(({ state }) => state !== undefined);
    answered.forEach((read) => {
      this.reads.splice(this.reads.indexOf(read), 1);
      read.answer(read.state?.object);
    });
  }

  /** Nothing older than what an own write was told of may be shown. */
  private checkOrder(): void {
    if (this.loose) return;
    for (const [key, told] of this.toldSeq) {
      const shown = this.cache.get(key);
      const fresh = shown === undefined ? this.absencesOf(key).some(({ until }) => until >= told) : this.seqOf(shown) >= told;
      if (!fresh) this.problems.push(`${key}: shows ${shown === undefined ? 'nothing' : this.seqOf(shown)} after an own write was told of ${told}`);
    }
  }

  private absencesOf(key: string): { from: number; until: number }[] {
    const absences = this.absences.get(key) ?? [{ from: 0, until: Infinity }];
    this.absences.set(key, absences);
    return absences;
  }

  private endAbsence(key: string): void {
    const last = this.absencesOf(key).at(-1);
    if (last !== undefined) last.until = this.seq - 1;
  }

  private seqOf(object: Thing): number {
    return this.seqByVersion.get(object.metadata.resourceVersion ?? '') ?? NaN;
  }
}

describe('any order of writes, answers, events, lists and reads', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.constantFrom(0 as const, 1 as const), fc.constantFrom('change' as const, 'same' as const, 'delete' as const)), {
    minLength: 10,
    maxLength: 80,
  });

  test.each([
    ['never shows an older state after an own write, and ends at the last state of the server', false],
    ['ends at the last state of the server when own writes of a key overlap and others delete, too', true],
  ])('%s', async (_title, loose) => {
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        const world = new World(loose);
        for (const step of run) await world.step(step);
        await world.finish();
        const { shown, stored } = world.difference() as { shown: string[]; stored: string[] };
        expect(shown).toEqual(stored);
        // Whoever held events back for ever would miss these.
        await world.changeAll();
        const after = world.difference() as { shown: string[]; stored: string[] };
        expect(after.shown).toEqual(after.stored);
        expect(world.problems).toEqual([]);
      }),
      { numRuns: 1_500 },
    );
  });
});
