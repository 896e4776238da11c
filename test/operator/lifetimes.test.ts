import fc from 'fast-check';
import { Lifetimes, usableUntil } from '../../operator/lifetimes';
import { podOf } from '../support/builders';

const mortal = (name: string, endsAt: number, lifeMs = 1_000_000) => podOf('pool', name, { deadline: { endsAt, lifeMs } });
const names = (found: readonly { readonly name: string }[]) => found.map(({ name }) => name);

test.each([
  ['no end', podOf('pool', 'p'), Infinity],
  ['an end', mortal('p', 1_000_000), 940_000],
  ['a life shorter than twice what is asked for', mortal('p', 1_000_000, 100_000), 950_000],
])('a pod with %s may be given out until %i leaves enough', (_name, pod, until) => {
  expect(usableUntil(pod, 60_000)).toBe(until);
});

test('tells once of a pod that comes near to its end', () => {
  const lifetimes = new Lifetimes();
  lifetimes.set('uid-a', mortal('a', 100_000));
  lifetimes.set('uid-b', mortal('b', 200_000));
  lifetimes.set('uid-immortal', podOf('pool', 'immortal'));
  expect(names(lifetimes.advance(39_999, 60_000))).toEqual([]);
  expect(names(lifetimes.advance(40_000, 60_000))).toEqual(['a']);
  expect([lifetimes.isSpent('uid-a'), lifetimes.isSpent('uid-b')]).toEqual([true, false]);
  expect(names(lifetimes.advance(40_001, 60_000))).toEqual([]);
});

test('a pool that asks for less takes back what it said', () => {
  const lifetimes = new Lifetimes();
  lifetimes.set('uid-a', mortal('a', 100_000));
  lifetimes.advance(50_000, 60_000);
  expect(names(lifetimes.advance(50_000, 10_000))).toEqual(['a']);
  expect(lifetimes.isSpent('uid-a')).toBe(false);
});

test('whatever comes and goes, it answers as a look at all pods would', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), pod: fc.nat(4), endsAt: fc.option(fc.nat(200), { nil: undefined }) }),
    fc.record({ kind: fc.constant('gone' as const), pod: fc.nat(4) }),
    fc.record({ kind: fc.constant('advance' as const), now: fc.nat(200), min: fc.constantFrom(0, 10, 20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const lifetimes = new Lifetimes();
      const pods = new Map<string, ReturnType<typeof mortal>>();
      let [now, min] = [0, 0];
      for (const action of steps) {
        if (action.kind === 'advance') {
          const before = new Map([...pods.keys()].map((uid) => [uid, lifetimes.isSpent(uid)]));
          [now, min] = [action.now, action.min];
          const changed = lifetimes.advance(now, min).map(({ uid }) => uid);
          expect(changed.sort()).toEqual([...pods.keys()].filter((uid) => lifetimes.isSpent(uid) !== before.get(uid)).sort());
        } else if (action.kind === 'gone') {
          pods.delete(`uid-${action.pod}`);
          lifetimes.set(`uid-${action.pod}`, undefined);
        } else {
          const pod = action.endsAt === undefined ? podOf('pool', `${action.pod}`) : mortal(`${action.pod}`, action.endsAt);
          pods.set(pod.uid, pod);
          lifetimes.set(pod.uid, pod);
        }
        for (const [uid, pod] of pods) expect([uid, lifetimes.isSpent(uid)]).toEqual([uid, usableUntil(pod, min) <= now]);
        expect(lifetimes.all()).toHaveLength([...pods.values()].filter(({ deadline }) => deadline !== undefined).length);
      }
    }),
  );
});
