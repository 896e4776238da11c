import { ChangeEvent, StoredObject, WatchFeed } from '../../../local/api/watch-feed';

const MINUTE_MS = 60_000;

function change(version: number, at = 0): ChangeEvent {
  const metadata = { name: 'a', uid: 'u', resourceVersion: String(version), creationTimestamp: '2026-01-01T00:00:00Z' };
  return new ChangeEvent('MODIFIED', new StoredObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata }, version), undefined, at);
}

function feedOf(versions: readonly number[]): WatchFeed {
  const feed = new WatchFeed();
  for (const version of versions) feed.publish(change(version));
  return feed;
}

const versionsSince = (feed: WatchFeed, version: number, now = 0) => feed.since(version, now)?.map((event) => event.version);

test.each([
  ['from the start', 0, [3, 5, 8]],
  ['from a version it has', 5, [8]],
  ['from a version between two', 6, [8]],
  ['from the newest', 8, []],
  ['from beyond the newest', 99, []],
])('resumes %s', (_, version, found) => {
  expect(versionsSince(feedOf([3, 5, 8]), version)).toEqual(found);
});

test('forgets the oldest changes beyond its bound, and says so', () => {
  const feed = feedOf(Array.from({ length: 5000 }, (_, i) => i + 1));
  expect(versionsSince(feed, 1)).toBeUndefined();
  expect(versionsSince(feed, 4998)).toEqual([4999, 5000]);
});

test('forgets what is older than five minutes, and says so', () => {
  const feed = new WatchFeed();
  feed.publish(change(1, 0));
  feed.publish(change(2, 4 * MINUTE_MS));
  expect(versionsSince(feed, 0, 5 * MINUTE_MS)).toEqual([1, 2]);
  expect(versionsSince(feed, 0, 6 * MINUTE_MS)).toBeUndefined();
  expect(versionsSince(feed, 1, 6 * MINUTE_MS)).toEqual([2]);
  expect(versionsSince(feed, 1, 60 * MINUTE_MS)).toBeUndefined();
  expect(versionsSince(feed, 2, 60 * MINUTE_MS)).toEqual([]);
});

test('knows no version before its start', () => {
  const feed = new WatchFeed(7);
  expect([versionsSince(feed, 6), versionsSince(feed, 7)]).toEqual([undefined, []]);
  feed.publish(change(8));
  feed.forgetUntil(8);
  expect([versionsSince(feed, 7), versionsSince(feed, 8)]).toEqual([undefined, []]);
});

test('tells each change to all listeners by the same bytes', () => {
  const feed = new WatchFeed();
  const lines: Buffer[] = [];
  feed.subscribe((event) => lines.push(event.line('MODIFIED')), () => undefined);
  const unsubscribe = feed.subscribe((event) => lines.push(event.line('MODIFIED')), () => undefined);
  feed.publish(change(1));
  unsubscribe();
  feed.publish(change(2));
  expect(lines).toHaveLength(3);
  expect(lines[0]).toBe(lines[1]);
});

test('tells its listeners when it closes', () => {
  const feed = new WatchFeed();
  let closed = 0;
  feed.subscribe(() => undefined, () => (closed += 1));
  feed.close();
  expect(closed).toBe(1);
});
