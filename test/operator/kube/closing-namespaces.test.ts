import { ApiError, TransportError } from '../../../operator/kube/api-error';
import { ObjectCache } from '../../../operator/kube/cache';
import { ClosingNamespaces } from '../../../operator/kube/closing-namespaces';
import { createLogger } from '../../../src/program/log';
import { ManualClock } from '../../support/manual-clock';

const closingRefusal = new ApiError(403, 'Forbidden', 'refused', { causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }] });

let clock: ManualClock;
let lines: string[];
let namespaces: ClosingNamespaces;
beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  namespaces = new ClosingNamespaces(clock, createLogger('test', 'info', { write: (line) => void lines.push(line) }));
});
const isOpen = (name: string) => namespaces.waitMs(name) === 0;
const refuse = (namespace: string, error: unknown = closingRefusal) => expect(namespaces.create(namespace, () => Promise.reject(error as Error))).rejects.toBe(error);

/** A cache of one kind, and what is woken of it. */
function follow() {
  const cache = new ObjectCache({ read: () => Promise.resolve(undefined) });
  const woken: string[] = [];
  namespaces.reopenWith(cache, (key) => void woken.push(key));
  const show = (namespace: string, name: string, uid: string, resourceVersion: string) => cache.apply('MODIFIED', { metadata: { namespace, name, uid, resourceVersion } });
  return { show, woken };
}

test.each([
  { title: 'the cause of a namespace that is being deleted', error: closingRefusal, closes: true },
  { title: 'the absence of the namespace', error: new ApiError(404, 'NotFound', 'none', { kind: 'namespaces', name: 'ns' }), closes: true },
  { title: 'another refusal with the same words', error: new ApiError(403, 'Forbidden', 'unable to create new content in namespace ns because it is being terminated'), closes: false },
  { title: 'a quota', error: new ApiError(403, 'Forbidden', 'exceeded quota', { causes: [{ reason: 'QuotaExceeded' }] }), closes: false },
  { title: 'the absence of another object', error: new ApiError(404, 'NotFound', 'none', { kind: 'events', name: 'b.1' }), closes: false },
  { title: 'an invalid object with that cause', error: new ApiError(422, 'Invalid', 'bad', { causes: [{ reason: 'NamespaceTerminating' }] }), closes: false },
  { title: 'no answer', error: new TransportError('none'), closes: false },
])('learns from $title: $closes', async ({ error, closes }) => {
  await refuse('ns', error);
  expect([isOpen('ns'), isOpen('other')]).toEqual([!closes, true]);
});

test('throws the refusal again for a minute and sends nothing, and says once that a namespace takes nothing new', async () => {
  await refuse('ns');
  await clock.advance(59_999);
  const sent: string[] = [];
  const send = (namespace: string) => namespaces.create(namespace, () => Promise.resolve(sent.push(namespace)));
  await expect(send('ns')).rejects.toBe(closingRefusal);
  await send('other');
  expect([sent, namespaces.waitMs('ns')]).toEqual([['other'], 1]);
  await clock.advance(1);
  await send('ns');
  expect(sent).toEqual(['other', 'ns']);
  await refuse('ns');
  expect(namespaces.waitMs('ns')).toBe(60_000);
  expect(lines.map((line) => (JSON.parse(line) as { namespace: string }).namespace)).toEqual(['ns']);
});

test('opens with the first object that is new, and with no other change; whatever is there is looked at then', async () => {
  const [pools, batches] = [follow(), follow()];
  pools.show('ns', 'p', 'u1', '1');
  batches.show('ns', 'b', 'u2', '2');
  batches.show('other', 'b', 'u3', '3');
  await refuse('ns');
  pools.show('ns', 'p', 'u1', '4');
  pools.show('other', 'p', 'u4', '5');
  expect([isOpen('ns'), pools.woken, batches.woken]).toEqual([false, [], []]);
  batches.show('ns', 'c', 'u5', '6');
  expect([isOpen('ns'), pools.woken, batches.woken]).toEqual([true, ['ns/p'], ['ns/b', 'ns/c']]);
});

test('is not closed by a refusal that comes after it has opened: it may be of one before it', async () => {
  const { show } = follow();
  let answer: (error: Error) => void = () => undefined;
  const late = namespaces.create('ns', () => new Promise((_, reject) => (answer = reject)));
  show('ns', 'p', 'u1', '1');
  answer(closingRefusal);
  await expect(late).rejects.toBe(closingRefusal);
  expect(isOpen('ns')).toBe(true);
  await refuse('ns');
  expect(isOpen('ns')).toBe(false);
});

test('remembers a thousand', async () => {
  for (let i = 0; i < 1_001; i++) await refuse(`ns-${i}`);
  await refuse('ns-0');
  expect(['ns-0', 'ns-1', 'ns-2', 'ns-1000'].map(isOpen)).toEqual([false, true, false, false]);
});
