import { audienceOf, Signatures } from './signatures';
import { VirtualClock } from './virtual-clock';

test('a request is answered by the pod that it is for, once and soon', async () => {
  const clock = new VirtualClock();
  const signatures = new Signatures(clock);
  await signatures.load();
  const [first, second] = [signatures.guard('first'), signatures.guard('second')];
  const request = await signatures.signed('first', '10.0.0.1', '/setTasks', []);
  expect(audienceOf(request)).toBe('first');
  expect(await second(request)).toBe(false);
  expect(await first({ ...request, body: '[{}]' })).toBe(false);
  expect(await first({ ...request, headers: {} })).toBe(false);
  expect([await first(request), await first(request)]).toEqual([true, false]);
  const late = await signatures.signed('first', '10.0.0.1', '/setTasks', []);
  await clock.step(66_000);
  expect(await first(late)).toBe(false);
});
