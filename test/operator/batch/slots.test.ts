import fc from 'fast-check';
import type { Slot } from '../../../operator/allocation-record';
import { planSlots, type SlotInput, type StopState } from '../../../operator/batch/slots';
import type { TaskLetter } from '../../../operator/tasks/task-state';
import { podOf } from '../../support/builders';

/** A batch in short: one word a slot, `<pod>` held, `.` empty, `x` finished; letters and stop states by slot. */
interface Given {
  readonly slots: string;
  readonly replicas: number;
  readonly letters?: string;
  readonly dead?: string;
  readonly conflicts?: string;
  readonly killed?: number[];
  readonly dirty?: number[];
  readonly stops?: Record<string, StopState>;
  readonly release?: boolean;
  readonly reused?: boolean;
  readonly requests?: string[];
}

function inputOf(given: Given): SlotInput {
  const toSlot = (word: string): Slot =>
    word === '.' ? { state: 'empty' } : word === 'x' ? { state: 'finished' } : { state: 'held', name: word, uid: `uid-${word}` };
  return {
    slots: given.slots === '' ? [] : given.slots.split(' ').map(toSlot),
    replicas: given.replicas,
    release: given.release ?? false,
    releaseRequests: new Set(given.requests),
    letter: (index) => (given.letters?.[index] ?? '-') as TaskLetter,
    wasKilled: (index) => given.killed?.includes(index) ?? false,
    isDirty: (index) => given.dirty?.includes(index) ?? false,
    reused: given.reused ?? false,
    pod: (uid) => podOf('pool', uid.slice(4), { live: !(given.dead ?? '').split(' ').includes(uid.slice(4)) }),
    isConflict: (uid) => (given.conflicts ?? '').split(' ').includes(uid.slice(4)),
    stopState: (uid) => given.stops?.[uid.slice(4)] ?? 'idle',
  };
}

/** A plan in short. */
function plan(given: Given) {
  const result = planSlots(inputOf(given));
  return {
    slots: result.slots.map((slot) => (slot.state === 'held' ? slot.name : slot.state === 'finished' ? 'x' : '.')).join(' '),
    ...(result.lost.length > 0 && { lost: result.lost.map((pod) => pod.name).join(' ') }),
    ...(result.stop.length > 0 && { stop: result.stop.map((pod) => pod.name).join(' ') }),
    ...(result.giveBack.length > 0 && { giveBack: result.giveBack.map((pod) => pod.name + (pod.force ? '!' : '')).join(' ') }),
    ...(result.fill.length > 0 && { fill: result.fill.join(' ') }),
  };
}

const rows: [string, Given, ReturnType<typeof plan>][] = [
  ['a new batch wants every slot', { slots: '', replicas: 3 }, { slots: '. . .', fill: '0 1 2' }],
  ['a full batch is left alone', { slots: 'a b', replicas: 2 }, { slots: 'a b' }],
  ['a raise adds slots at the end (R20)', { slots: 'a b', replicas: 4 }, { slots: 'a b . .', fill: '2 3' }],
  ['a cut gives the highest slots back (R21)', { slots: 'a b c', replicas: 1 }, { slots: 'a', giveBack: 'b c' }],
  ['a cut stops running tasks first (R21)', { slots: 'a b c', replicas: 1, letters: 'RRS' }, { slots: 'a b', stop: 'b', giveBack: 'c' }],
  ['a task that is stopping keeps its pod', { slots: 'a b', replicas: 1, letters: 'RR', stops: { b: 'stopping' } }, { slots: 'a b', stop: 'b' }],
  ['a stopped task lets its pod go', { slots: 'a b', replicas: 1, letters: 'RR', stops: { b: 'stopped' } }, { slots: 'a', giveBack: 'b' }],
  ['a slot that is wanted again while its task stops gets a new pod (R21)', { slots: 'a b', replicas: 2, letters: 'RR', stops: { b: 'stopped' } }, { slots: 'a .', giveBack: 'b', fill: '1' }],
  ['a stop that takes too long costs the pod (R49)', { slots: 'a b', replicas: 1, letters: 'RR', stops: { b: 'timedOut' } }, { slots: 'a', giveBack: 'b!' }],
  ['a dead pod leaves its slot, others do not move (R113)', { slots: 'a b c', replicas: 3, dead: 'b' }, { slots: 'a . c', lost: 'b', fill: '1' }],
  ['a pod of an older batch is dropped and never touched (R109)', { slots: 'a b', replicas: 2, conflicts: 'a' }, { slots: '. b', lost: 'a', fill: '0' }],
  ['a dirty pod is deleted and replaced (R35)', { slots: 'a b', replicas: 2, dirty: [1] }, { slots: 'a .', giveBack: 'b!', fill: '1' }],
  ['Retain keeps the pod of an ended task (R40)', { slots: 'a', replicas: 1, letters: 'S' }, { slots: 'a' }],
  ['Release drops the ended task first (R41)', { slots: 'a b', replicas: 2, letters: 'SR', release: true }, { slots: 'a b', stop: 'a' }],
  ['Release finishes the slot, failed tasks too (R42)', { slots: 'a b', replicas: 2, letters: 'SF', release: true, stops: { a: 'stopped', b: 'stopped' } }, { slots: 'x x', giveBack: 'a b' }],
  ['a finished slot is never filled again (R42)', { slots: 'x .', replicas: 2 }, { slots: 'x .', fill: '1' }],
  ['a dead pod whose task had ended finishes its slot under Release', { slots: 'a', replicas: 1, letters: 'S', release: true, dead: 'a' }, { slots: 'x', lost: 'a' }],
  ['a task that was killed with its pod has not ended: its slot gets a new pod (R113)', { slots: 'a', replicas: 1, letters: 'F', release: true, dead: 'a', killed: [0] }, { slots: '.', lost: 'a', fill: '0' }],
  ['a task that was killed in a pod that lives has ended', { slots: 'a', replicas: 1, letters: 'F', release: true, killed: [0], stops: { a: 'stopped' } }, { slots: 'x', giveBack: 'a' }],
  ['a request to give back finishes the slot (R22)', { slots: 'a b', replicas: 2, requests: ['a', 'foreign'] }, { slots: 'x b', giveBack: 'a' }],
  ['reuse empties the executor of an ended task too', { slots: 'a', replicas: 0, letters: 'S', reused: true }, { slots: 'a', stop: 'a' }],
  ['deletion lets go of ended tasks at once', { slots: 'a b', replicas: 0, letters: 'SS' }, { slots: '', giveBack: 'a b' }],
];

test.each(rows)('%s', (_name, given, want) => expect(plan(given)).toEqual(want));

const anyGiven = fc
  .record({
    words: fc.array(fc.constantFrom('held', '.', 'x'), { maxLength: 12 }),
    replicas: fc.nat(12),
    letters: fc.string({ unit: fc.constantFrom('-', 'P', 'R', 'S', 'F', 'U'), minLength: 12, maxLength: 12 }),
    dead: fc.array(fc.nat(11)),
    stopped: fc.array(fc.nat(11)),
    release: fc.boolean(),
    reused: fc.boolean(),
  })
  .map(({ words, dead, stopped, ...rest }): Given => ({
    ...rest,
    slots: words.map((word, i) => (word === 'held' ? `p${i}` : word)).join(' '),
    dead: dead.map((i) => `p${i}`).join(' '),
    stops: Object.fromEntries(stopped.map((i) => [`p${i}`, 'stopped' as const])),
  }));

describe('for any batch', () => {
  test('every pod on record is kept, lost or given back, and never two of these', () => {
    fc.assert(fc.property(anyGiven, (given) => {
      const result = planSlots(inputOf(given));
      const kept = result.slots.flatMap((slot) => (slot.state === 'held' ? [slot.name] : []));
      const all = [...kept, ...result.lost.map((pod) => pod.name), ...result.giveBack.map((pod) => pod.name)].sort();
      expect(all).toEqual(given.slots.split(' ').filter((word) => word.startsWith('p')).sort());
    }));
  });

  test('no live pod leaves while its task may run', () => {
    fc.assert(fc.property(anyGiven, (given) => {
      for (const pod of planSlots(inputOf(given)).giveBack) {
        const letter = given.letters?.[pod.index] ?? '-';
        expect('-SF'.includes(letter) || given.stops?.[pod.name] === 'stopped').toBe(true);
      }
    }));
  });

  test('applying a plan and planning again changes nothing more', () => {
    fc.assert(fc.property(anyGiven, (given) => {
      const first = planSlots(inputOf(given));
      const again = planSlots({ ...inputOf(given), slots: first.slots });
      expect(again.slots).toEqual(first.slots);
      expect(again.giveBack).toEqual([]);
      expect(again.lost).toEqual([]);
      expect(again.fill).toEqual(first.fill);
    }));
  });
});
