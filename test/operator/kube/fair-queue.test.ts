import fc from 'fast-check';
import { FairQueue, type Place } from '../../../operator/kube/fair-queue';

const nobody = () => false;
/** `a/x/1` is value 1 of object x of namespace a. */
const place = (text: string): Place => {
  const [namespace = '', object = '', key = ''] = text.split('/');
  return { namespace, object, key };
};
const textOf = ({ namespace, object, key }: Place): string => `${namespace}/${object}/${key}`;

function queueOf(texts: readonly string[], bounds = { perNamespace: 100, total: 100 }): { queue: FairQueue<Place>; dropped: number } {
  const queue = new FairQueue<Place>(bounds);
  const dropped = texts.reduce((sum, text) => sum + queue.put(place(text)), 0);
  return { queue, dropped };
}

function takeAll(queue: FairQueue<Place>, isLeftOut: (namespace: string) => boolean = nobody): string[] {
  const taken: string[] = [];
  for (let value = queue.take(isLeftOut); value !== undefined; value = queue.take(isLeftOut)) taken.push(textOf(value));
  return taken;
}

test.each([
  { title: 'nothing from nothing', put: [], taken: [] },
  { title: 'of one object the oldest first', put: ['a/x/1', 'a/x/2', 'a/x/3'], taken: ['a/x/1', 'a/x/2', 'a/x/3'] },
  { title: 'from namespaces in turn', put: ['a/x/1', 'a/x/2', 'a/x/3', 'b/y/1', 'c/z/1', 'b/y/2'], taken: ['a/x/1', 'b/y/1', 'c/z/1', 'a/x/2', 'b/y/2', 'a/x/3'] },
  { title: 'from the objects of a namespace in turn', put: ['a/x/1', 'a/x/2', 'a/y/1', 'b/z/1', 'a/y/2'], taken: ['a/x/1', 'b/z/1', 'a/y/1', 'a/x/2', 'a/y/2'] },
  { title: 'a repeat once, where it waited', put: ['a/x/1', 'a/x/2', 'a/x/1'], taken: ['a/x/1', 'a/x/2'] },
  { title: 'what has the same key of another object', put: ['a/x/1', 'a/y/1', 'b/x/1'], taken: ['a/x/1', 'b/x/1', 'a/y/1'] },
])('takes $title', ({ put, taken }) => {
  expect(takeAll(queueOf(put).queue)).toEqual(taken);
});

test.each([
  { title: 'the oldest of the only object', bounds: [2, 9], put: ['a/x/1', 'a/x/2', 'a/x/3'], kept: ['a/x/2', 'a/x/3'] },
  { title: 'of the object with the most', bounds: [3, 9], put: ['a/y/1', 'a/x/1', 'a/x/2', 'a/z/1'], kept: ['a/y/1', 'a/x/2', 'a/z/1'] },
  { title: 'of the namespace that has too many', bounds: [2, 9], put: ['b/x/1', 'b/x/2', 'a/x/1', 'a/x/2', 'a/x/3'], kept: ['b/x/1', 'a/x/2', 'b/x/2', 'a/x/3'] },
  { title: 'of the namespace with the most when all are too many', bounds: [9, 3], put: ['a/x/1', 'a/x/2', 'b/x/1', 'c/x/1'], kept: ['a/x/2', 'b/x/1', 'c/x/1'] },
])('drops, when it is full, $title', ({ bounds: [perNamespace = 0, total = 0], put, kept }) => {
  const { queue, dropped } = queueOf(put, { perNamespace, total });
  expect(dropped).toBe(put.length - kept.length);
  expect(queue.size).toBe(kept.length);
  expect(takeAll(queue)).toEqual(kept);
});

test('finds, removes and drops', () => {
  const { queue } = queueOf(['a/x/1', 'a/x/2', 'a/y/1', 'b/x/1']);
  expect(queue.get(place('a/x/2'))).toEqual(place('a/x/2'));
  queue.remove(place('a/x/2'));
  queue.remove(place('a/x/2'));
  expect(queue.get(place('a/x/2'))).toBeUndefined();
  expect(queue.size).toBe(3);
  queue.drop('a');
  queue.drop('none');
  expect(queue.size).toBe(1);
  expect(takeAll(queue)).toEqual(['b/x/1']);
  expect([queue.size, queue.hasTurn(nobody)]).toEqual([0, false]);
});

test('leaves namespaces out, which keep their turn', () => {
  const { queue } = queueOf(['a/x/1', 'a/x/2', 'b/x/1', 'b/x/2']);
  const notA = (namespace: string) => namespace === 'a';
  expect([queue.hasTurn(notA), queue.hasTurn(() => true)]).toEqual([true, false]);
  expect(textOf(queue.take(notA) ?? place(''))).toBe('b/x/1');
  expect(textOf(queue.take(nobody) ?? place(''))).toBe('a/x/1');
  expect(takeAll(queue, notA)).toEqual(['b/x/2']);
  expect(takeAll(queue)).toEqual(['a/x/2']);
});

const anyPlace = fc.record({ namespace: fc.constantFrom('a', 'b', 'c', 'd'), object: fc.constantFrom('x', 'y', 'z'), key: fc.nat(9).map(String) });

test('holds its bounds and loses nothing else, whatever is put and taken', () => {
  fc.assert(
    fc.property(fc.array(fc.option(anyPlace, { freq: 3 }), { maxLength: 200 }), (steps) => {
      const queue = new FairQueue<Place>({ perNamespace: 8, total: 20 });
      const [put, taken] = [new Set<string>(), new Set<string>()];
      let [dropped, repeats] = [0, 0];
      for (const step of steps) {
        if (step === null) {
          const value = queue.take(nobody);
          if (value !== undefined) taken.add(textOf(value));
        } else if (!put.has(textOf(step))) {
          put.add(textOf(step));
          dropped += queue.put(step);
        } else if (queue.get(step) !== undefined) {
          repeats += queue.put(step);
        }
        expect(queue.size).toBeLessThanOrEqual(20);
      }
      for (const text of takeAll(queue)) taken.add(text);
      expect([put.size, repeats]).toEqual([taken.size + dropped, 0]);
    }),
  );
});

test('gives everybody who waits one before anybody gets two', () => {
  fc.assert(
    fc.property(fc.array(anyPlace, { maxLength: 60 }), (places) => {
      const { queue } = queueOf(places.map(textOf));
      const waiting = new Set(places.map(({ namespace }) => namespace)).size;
      const firstTurn = Array.from({ length: waiting }, () => queue.take(nobody)?.namespace);
      expect(new Set(firstTurn).size).toBe(waiting);
    }),
  );
});

const anyStep = fc.oneof({ weight: 6, arbitrary: anyPlace }, { weight: 2, arbitrary: fc.constant('take' as const) }, { weight: 1, arbitrary: fc.record({ remove: anyPlace }) }, { weight: 1, arbitrary: fc.record({ drop: fc.constantFrom('a', 'b', 'c', 'd') }) });

test('what goes is always of the object with the most, of the namespace that is too full or has the most', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 200 }), (steps) => {
      const [perNamespace, total] = [8, 20];
      const queue = new FairQueue<Place>({ perNamespace, total });
      const waiting = new Map<string, Place>();
      for (const step of steps) {
        if (step === 'take') waiting.delete(textOf(queue.take(nobody) ?? place('')));
        else if ('remove' in step) {
          queue.remove(step.remove);
          waiting.delete(textOf(step.remove));
        } else if ('drop' in step) {
          queue.drop(step.drop);
          for (const [text, { namespace }] of [...waiting]) if (namespace === step.drop) waiting.delete(text);
        } else {
          waiting.set(textOf(step), step);
          const count = (of: (other: Place) => boolean) => [...waiting.values()].filter(of).length;
          const ofNamespace = ({ namespace }: Place) => count((other) => other.namespace === namespace);
          const ofObject = ({ namespace, object }: Place) => count((other) => other.namespace === namespace && other.object === object);
          const isTooFull = ofNamespace(step) > perNamespace;
          if (queue.put(step) === 0) continue;
          const [gone] = [...waiting.values()].filter((other) => queue.get(other) === undefined);
          if (gone === undefined) throw new Error('expected a value that has gone, got none');
          if (isTooFull) expect(gone.namespace).toBe(step.namespace);
          else expect(ofNamespace(gone)).toBe(Math.max(...[...waiting.values()].map(ofNamespace)));
          expect(ofObject(gone)).toBe(Math.max(...[...waiting.values()].filter(({ namespace }) => namespace === gone.namespace).map(ofObject)));
          waiting.delete(textOf(gone));
        }
        expect(queue.size).toBe(waiting.size);
      }
    }),
  );
});
