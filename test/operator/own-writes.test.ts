import { OwnWrites } from '../../operator/own-writes';
import type { KubeObject } from '../../src/schema/kubernetes';

const at = (version: number): KubeObject => ({ metadata: { name: 'b', uid: 'u', resourceVersion: String(version) } });

/** An answer that the test gives. */
function newAnswer() {
  let resolve: (object: KubeObject) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<KubeObject>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve: (object: KubeObject) => resolve(object), reject: (error: Error) => reject(error) };
}

/** A write of version 1 that ends when the test says so, and what is told of states that the watch shows. */
function newWrite() {
  const writes = new OwnWrites();
  const told: string[] = [];
  const see = (version: number) => writes.unlessOwn(at(version), () => told.push(`v${version}`));
  const { promise, resolve, reject } = newAnswer();
  const written = writes.write(at(1), () => promise).catch(() => undefined);
  const end = async (answer: KubeObject | Error) => {
    if (answer instanceof Error) reject(answer);
    else resolve(answer);
    await written;
  };
  return { writes, told, see, end };
}

test.each<[string, (write: ReturnType<typeof newWrite>) => Promise<void>, readonly string[]]>([
  ['its echo after the answer is not told', async ({ see, end }) => { await end(at(2)); see(2); }, []],
  ['its echo before the answer is not told', async ({ see, end }) => { see(2); await end(at(2)); }, []],
  ['a change by others after it is told', async ({ see, end }) => { await end(at(2)); see(2); see(3); }, ['v3']],
  ['a change by others that is seen before the answer is told after it', async ({ see, end, told }) => { see(2); see(3); expect(told).toEqual([]); await end(at(2)); }, ['v3']],
  ['a change by others is told when the write is refused', async ({ see, end }) => { see(2); await end(new Error('conflict')); }, ['v2']],
  ['nothing is told of an object that is forgotten', async ({ writes, see, end }) => { see(2); writes.forget(at(1)); await end(new Error('gone')); }, []],
])('%s', async (_title, act, want) => {
  const write = newWrite();
  await act(write);
  expect(write.told).toEqual(want);
});

test('of two writes under way, the state waits for the last to end', async () => {
  const writes = new OwnWrites();
  const told: string[] = [];
  const [first, second] = [newAnswer(), newAnswer()];
  const written = [first, second].map(({ promise }) => writes.write(at(1), () => promise));
  writes.unlessOwn(at(3), () => told.push('v3'));
  first.resolve(at(2));
  await written[0];
  expect(told).toEqual([]);
  second.resolve(at(3));
  await written[1];
  expect(told).toEqual([]);
});
