import { AnswerReader } from '../../../operator/tasks/answer-reader';
import { ManualClock } from '../../support/manual-clock';

const never = new AbortController().signal;
const lengthOf = (text: string) => text.length;
const LARGE = 100 * 1024;

/** A clock that also goes on while something works. */
class WorkingClock extends ManualClock {
  private workedMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.workedMs;
  }

  work(ms: number): void {
    this.workedMs += ms;
  }
}

/** A body of so many bytes, in two pieces; the second comes when it may. */
async function* bodyOf(bytes: number, opened: Promise<void> = Promise.resolve()): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(bytes - 1, 'x');
  await opened;
  yield Buffer.from('x');
}

test('an answer is read whole, whatever its pieces cut', async () => {
  const text = 'ä'.repeat(3);
  async function* halves() {
    for (const byte of Buffer.from(text)) yield await Promise.resolve(Buffer.from([byte]));
  }
  expect(await new AnswerReader(new ManualClock()).read(halves(), (read) => read, never)).toBe(text);
});

test('large answers have no more room between them than there is, small ones always have theirs, and an end of one makes room', async () => {
  const reader = new AnswerReader(new ManualClock(), 2.5 * LARGE);
  let resolve = (): void => undefined;
  const promise = new Promise<void>((opened) => (resolve = opened));
  const held = [reader.read(bodyOf(LARGE, promise), lengthOf, never), reader.read(bodyOf(LARGE, promise), lengthOf, never)];
  await expect(reader.read(bodyOf(LARGE), lengthOf, never)).rejects.toThrow('expected room for a large answer');
  expect(await reader.read(bodyOf(1024), lengthOf, never)).toBe(1024);
  resolve();
  expect(await Promise.all(held)).toEqual([LARGE, LARGE]);
  expect(await reader.read(bodyOf(LARGE), lengthOf, never)).toBe(LARGE);
});

test('after a large answer that took long, the next one waits four times as long, and a small one does not', async () => {
  const clock = new WorkingClock();
  const reader = new AnswerReader(clock);
  let parsed = 0;
  const slow = (text: string) => {
    parsed += 1;
    clock.work(100);
    return text.length;
  };
  expect(await reader.read(bodyOf(LARGE), slow, never)).toBe(LARGE);
  const next = reader.read(bodyOf(LARGE), slow, never);
  expect(await reader.read(bodyOf(10), lengthOf, never)).toBe(10);
  await clock.advance(399);
  expect(parsed).toBe(1);
  await clock.advance(1);
  expect([await next, parsed]).toEqual([LARGE, 2]);
});

test('a large answer whose call ends before its turn is none', async () => {
  const clock = new WorkingClock();
  const reader = new AnswerReader(clock);
  await reader.read(bodyOf(LARGE), () => clock.work(1000), never);
  const ending = new AbortController();
  const next = reader.read(bodyOf(LARGE), lengthOf, ending.signal);
  ending.abort();
  await expect(next).rejects.toThrow('expected a turn for a large answer');
});
