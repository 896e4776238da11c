import { badRequest, expired, invalidOptions, versionTooLarge } from './api-error';
import { forbiddenField, unsupportedValue } from './field-problem';
import { type JsonObject } from './json';
import { parseCount } from './query-count';
import type { ResourceKind } from './resource-kind';
import { both, everything, parseFieldSelector, parseLabelSelector, type Selector } from './selectors';
import type { ObjectStore } from './store';
import { listTypeOf } from './table';
import type { StoredObject } from './watch-feed';

/** The selector that the query of a list, watch or collection delete asks for. @throws ApiError 400 */
export function parseSelectors(query: URLSearchParams, kind: ResourceKind): Selector {
  return both(parseLabelSelector(query.get('labelSelector') ?? ''), parseFieldSelector(query.get('fieldSelector') ?? '', kind));
}

/** One page of a list. */
export interface ListPage {
  readonly items: readonly StoredObject[];
  readonly metadata: JsonObject;
}

/** Lists that can be continued at a time; the oldest is given up for a new one. */
const MAX_OPEN_LISTS = 32;

/** What stands in a continue token: the list, and where its next page begins. */
const CONTINUE_FORM = /^([0-9a-f-]{36}):(\d+)$/;

/** Answers lists, page by page; all pages of a list show the same moment. */
export class Lister {
  private readonly openLists = new Map<string, { readonly items: readonly StoredObject[]; readonly version: number }>();

  /** @param newId 36 characters that name a list which is continued */
  constructor(
    private readonly store: ObjectStore,
    private readonly newId: () => string,
  ) {}

  /** @throws ApiError 400, 422, 410 for a page whose list is no longer held, 504 for a version from the future */
  list(kind: ResourceKind, namespace: string | undefined, query: URLSearchParams): ListPage {
    const limit = parseCount(query, 'limit');
    checkVersionMatch(query, false);
    const token = query.get('continue') ?? '';
    if (token !== '') return this.nextPage(token, limit);
    checkVersion(query.get('resourceVersion'), this.store.currentVersion);
    const selects = parseSelectors(query, kind);
    const all = this.store.collectionOf(kind).list(namespace);
    const items = selects === everything ? all : all.filter(({ object }) => selects(object));
    return this.page(items, this.store.currentVersion, 0, limit);
  }

  private nextPage(token: string, limit: number): ListPage {
    const [, id = '', offset] = CONTINUE_FORM.exec(Buffer.from(token, 'base64url').toString()) ?? [];
    if (offset === undefined) throw badRequest('invalid continue token: continue key is not valid');
    const open = this.openLists.get(id);
    if (open === undefined) throw expired('The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.');
    return this.page(open.items, open.version, Number(offset), limit, id);
  }

  private page(items: readonly StoredObject[], version: number, offset: number, limit: number, id = this.newId()): ListPage {
    const end = limit === 0 ? items.length : Math.min(items.length, offset + limit);
    const metadata: Record<string, unknown> = { resourceVersion: String(version) };
    if (end < items.length) {
      this.keep(id, { items, version });
      metadata.continue = Buffer.from(`${id}:${end}`).toString('base64url');
      metadata.remainingItemCount = items.length - end;
    }
    return { items: offset === 0 && end === items.length ? items : items.slice(offset, end), metadata };
  }

  private keep(id: string, list: { readonly items: readonly StoredObject[]; readonly version: number }): void {
    this.openLists.delete(id);
    this.openLists.set(id, list);
    const [oldest] = this.openLists.keys();
    if (this.openLists.size > MAX_OPEN_LISTS && oldest !== undefined) this.openLists.delete(oldest);
  }
}

/** JSON of a list; the text of each object is made once and used for every list. */
export function listJson(kind: ResourceKind, { items, metadata }: ListPage): string {
  const head = JSON.stringify({ ...listTypeOf(kind), metadata });
  return `${head.slice(0, -1)},"items":[${items.map(({ json }) => json).join(',')}]}`;
}

/** The version that a query names; undefined when it names none, or 0, which is any. @throws ApiError 400, 504 */
export function checkVersion(text: string | null, current: number): number | undefined {
  if (text === null || text === '' || text === '0') return undefined;
  const version = Number(text);
  if (!Number.isInteger(version) || version < 0) throw badRequest(`invalid resource version ${JSON.stringify(text)}: expected a whole number`);
  if (version > current) throw versionTooLarge(version, current);
  return version;
}

/** Refuses to match a version that the query does not name, or in a way that there is none. @throws ApiError 422 */
export function checkVersionMatch(query: URLSearchParams, isWatch: boolean): void {
  const match = query.get('resourceVersionMatch') ?? '';
  const version = query.get('resourceVersion') ?? '';
  const sendsInitial = query.has('sendInitialEvents');
  const problem = (name: string, why: string) => invalidOptions('ListOptions', [forbiddenField([name], why)]);
  if (sendsInitial && !isWatch) throw problem('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  if (sendsInitial && match !== 'NotOlderThan') throw problem('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (match === '' || sendsInitial) return;
  if (isWatch) throw problem('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  if (version === '') throw problem('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (match !== 'Exact' && match !== 'NotOlderThan') throw invalidOptions('ListOptions', [unsupportedValue(['resourceVersionMatch'], match, ['Exact', 'NotOlderThan'])]);
  if (match === 'Exact' && version === '0') throw problem('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
}
