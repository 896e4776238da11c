import type { Clock } from '../../src/program/clock';
import { apiVersionOf, type ApiObject } from './api-object';
import { type ApiError, expired } from './api-error';
import { type JsonObject } from './json';
import { checkVersion, checkVersionMatch, parseSelectors } from './list';
import { type Presentation, toMetadata } from './presentation';
import { parseCount } from './query-count';
import type { ResourceKind } from './resource-kind';
import type { Selector } from './selectors';
import type { ObjectStore } from './store';
import { toTable, type TableOptions } from './table';
import { type ChangeEvent, type ChangeType, StoredObject } from './watch-feed';

/** What a client wants to watch. */
export interface WatchRequest {
  readonly kind: ResourceKind;
  readonly selects: Selector;
  /** Changes after this version are told; undefined starts with all present objects. */
  readonly since: number | undefined;
  /** A bookmark that says so follows the present objects. */
  readonly marksInitialEnd: boolean;
  readonly bookmarks: boolean;
  /** Length of the watch, in ms. */
  readonly timeoutMs: number;
  readonly presentation: Presentation;
  readonly includeObject: TableOptions['includeObject'];
}

/** What a watch is read with beside its query. */
export interface WatchContext {
  /** Version of the latest change. */
  readonly current: number;
  /** Number from 0 up to 1. */
  readonly random: () => number;
}

/** Where the lines of a watch go. */
export interface WatchSink {
  write(line: Buffer | string): void;
  end(): void;
}

/** Time between bookmarks, in ms, as on a real API server. */
const BOOKMARK_MS = 60_000;
/** Shortest default length of a watch, in ms; the default is up to twice that, so that watches do not all end at once. */
const MIN_WATCH_MS = 30 * 60_000;
/** Longest time that a timer of Node waits, in ms: 24 days. */
const MAX_WATCH_MS = 2 ** 31 - 1;

/** Reads a watch from the query of a list. @throws ApiError 400, 422, 504 */
export function parseWatch(kind: ResourceKind, namespace: string | undefined, query: URLSearchParams, { current, random }: WatchContext, shown: Pick<WatchRequest, 'presentation' | 'includeObject'>): WatchRequest {
  const sendsInitial = query.get('sendInitialEvents') === 'true';
  checkVersionMatch(query, true);
  const version = checkVersion(query.get('resourceVersion'), current);
  const timeoutSeconds = parseCount(query, 'timeoutSeconds');
  const selects = parseSelectors(query, kind);
  return {
    kind,
    selects: namespace === undefined ? selects : (object) => object.metadata.namespace === namespace && selects(object),
    since: sendsInitial ? undefined : version,
    marksInitialEnd: sendsInitial && query.get('allowWatchBookmarks') === 'true',
    bookmarks: query.get('allowWatchBookmarks') === 'true',
    timeoutMs: timeoutSeconds === 0 ? MIN_WATCH_MS * (1 + random()) : Math.min(timeoutSeconds * 1000, MAX_WATCH_MS),
    ...shown,
  };
}

/** Tells the changes of a collection to a client until its time is over, the collection ends, or the returned function is called. */
export function startWatch(store: ObjectStore, request: WatchRequest, sink: WatchSink, clock: Pick<Clock, 'now' | 'setTimer'>): () => void {
  return new Watch(store, request, sink, clock).start();
}

class Watch {
  private isFirstTable = true;

  constructor(
    private readonly store: ObjectStore,
    private readonly request: WatchRequest,
    private readonly sink: WatchSink,
    private readonly clock: Pick<Clock, 'now' | 'setTimer'>,
  ) {}

  start(): () => void {
    const { request, sink, store } = this;
    const { feed } = store.collectionOf(request.kind);
    if (!this.tellPast()) {
      sink.end();
      return () => undefined;
    }
    let cancelBookmark: () => void = () => undefined;
    const armBookmark = () => {
      cancelBookmark = this.clock.setTimer(BOOKMARK_MS, () => {
        armBookmark();
        this.tellBookmark(false);
      });
    };
    if (request.bookmarks) armBookmark();
    const end = () => {
      stop();
      sink.end();
    };
    const cancelEnd = this.clock.setTimer(request.timeoutMs, end);
    const unsubscribe = feed.subscribe((event) => this.tell(event), end);
    const stop = () => {
      cancelBookmark();
      cancelEnd();
      unsubscribe();
    };
    return stop;
  }

  /** Tells what a client must know before the first new change; false when that is no longer possible. */
  private tellPast(): boolean {
    const { request, store } = this;
    const collection = store.collectionOf(request.kind);
    if (request.since === undefined) {
      for (const stored of collection.list(undefined)) if (request.selects(stored.object)) this.send('ADDED', stored);
      if (request.marksInitialEnd) this.tellBookmark(true);
      return true;
    }
    const changes = collection.feed.since(request.since, this.clock.now().getTime());
    if (changes === undefined) {
      this.sendError(expired(`too old resource version: ${request.since} (${store.currentVersion})`));
      return false;
    }
    for (const change of changes) this.tell(change);
    return true;
  }

  /** Tells a change as it looks through the selector: an object that leaves the selection is deleted, as far as this client can see. */
  private tell(event: ChangeEvent): void {
    const { stored, previous } = event;
    const was = previous !== undefined && this.request.selects(previous.object);
    const is = event.type !== 'DELETED' && this.request.selects(stored.object);
    if (is) this.send(was ? 'MODIFIED' : 'ADDED', stored, event);
    else if (was && event.type === 'DELETED') this.send('DELETED', stored, event);
    else if (was) this.send('DELETED', lastSeen(previous, event.version));
  }

  private send(type: ChangeType, stored: StoredObject, event?: ChangeEvent): void {
    const { presentation } = this.request;
    if (presentation === 'table') this.sendTable(type, stored.object);
    else if (presentation === 'metadata') this.sendLine(type, toMetadata(stored.object));
    else this.sink.write(event === undefined ? `{"type":"${type}","object":${stored.json}}\n` : event.line(type));
  }

  private sendTable(type: ChangeType, object: ApiObject): void {
    const { kind, includeObject } = this.request;
    const metadata = { resourceVersion: object.metadata.resourceVersion };
    const table = toTable(kind, [object], metadata, { now: this.clock.now(), includeObject, withColumns: this.isFirstTable });
    this.isFirstTable = false;
    this.sendLine(type, table);
  }

  private tellBookmark(endsInitialEvents: boolean): void {
    const { kind, presentation } = this.request;
    const resourceVersion = String(this.store.currentVersion);
    const annotations = endsInitialEvents ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    const metadata = { resourceVersion, creationTimestamp: null, ...annotations };
    if (presentation === 'table') this.sendLine('BOOKMARK', { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: { resourceVersion }, columnDefinitions: null, rows: [] });
    else if (presentation === 'metadata') this.sendLine('BOOKMARK', { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata });
    else this.sendLine('BOOKMARK', { kind: kind.kind, apiVersion: apiVersionOf(kind.group, kind.version), metadata });
  }

  private sendError(error: ApiError): void {
    this.sendLine('ERROR', error.toStatus());
  }

  private sendLine(type: string, object: JsonObject): void {
    this.sink.write(`${JSON.stringify({ type, object })}\n`);
  }
}

/** An object as it was when it left the selection, at the version of that change. */
function lastSeen({ object }: StoredObject, version: number): StoredObject {
  return new StoredObject({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }, version);
}
