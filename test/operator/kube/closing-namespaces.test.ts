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
const open = (name: string) => namespaces.waitMs(name) === 0;

test.each([
  { title: 'the cause of a namespace that is being deleted', error: closingRefusal, closes: true },
  { title: 'the absence of the namespace', error: new ApiError(404, 'NotFound', 'none', { kind: 'namespaces', name: 'ns' }), closes: true },
  { title: 'another refusal with the same words', error: new ApiError(403, 'Forbidden', 'unable to create new content in namespace ns because it is being terminated'), closes: false },
  { title: 'a quota', error: new ApiError(403, 'Forbidden', 'exceeded quota', { causes: [{ reason: 'QuotaExceeded' }] }), closes: false },
  { title: 'the absence of another object', error: new ApiError(404, 'NotFound', 'none', { kind: 'events', name: 'b.1' }), closes: false },
  { title: 'an invalid object with that cause', error: new ApiError(422, 'Invalid', 'bad', { causes: [{ reason: 'NamespaceTerminating' }] }), closes: false },
  { title: 'no answer', error: new TransportError('none'), closes: false },
])('learns from $title: $closes', ({ error, closes }) => {
  expect(namespaces.note('ns', error)).toBe(closes);
  expect([open('ns'), open('other')]).toEqual([!closes, true]);
});

test('throws the refusal again for a minute, and says once that a namespace takes nothing new', async () => {
  namespaces.note('ns', closingRefusal);
  await clock.advance(59_999);
  expect(() => namespaces.expectOpen('ns')).toThrow(closingRefusal);
  expect(() => namespaces.expectOpen('other')).not.toThrow();
  expect(namespaces.waitMs('ns')).toBe(1);
  await clock.advance(1);
  expect(() => namespaces.expectOpen('ns')).not.toThrow();
  namespaces.note('ns', closingRefusal);
  expect(namespaces.waitMs('ns')).toBe(60_000);
  expect(lines.map((line) => (JSON.parse(line) as { namespace: string }).namespace)).toEqual(['ns']);
});

test('opens with the first object that is new, and with no other change', () => {
  const cache = new ObjectCache({ read: () => Promise.resolve(undefined) });
  namespaces.reopenWith(cache);
  const show = (namespace: string, uid: string, resourceVersion: string) => cache.apply('MODIFIED', { metadata: { namespace, name: 'a', uid, resourceVersion } });
  show('ns', 'u1', '1');
  namespaces.note('ns', closingRefusal);
  show('ns', 'u1', '2');
  show('other', 'u2', '3');
  expect(open('ns')).toBe(false);
  show('ns', 'u3', '4');
  expect(open('ns')).toBe(true);
});

test('remembers a thousand', () => {
  for (let i = 0; i < 1_001; i++) namespaces.note(`ns-${i}`, closingRefusal);
  namespaces.note('ns-2', closingRefusal);
  expect(['ns-0', 'ns-1', 'ns-2', 'ns-1000'].map(open)).toEqual([true, false, false, false]);
});
