import type { ApiUnderTest } from '../../support/api-under-test';
import { widget, widgetsIn } from '../../support/widget-crd';
import { APPLY, MERGE } from './media-types';

/** An object, with who owns which of its fields. */
export interface Owned {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly { readonly manager: string; readonly operation: string; readonly subresource?: string; readonly apiVersion: string; readonly time?: string; readonly fieldsType: string; readonly fieldsV1: object }[];
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** Fields by their owner, as `MANAGER OPERATION[ SUBRESOURCE]`. */
export function ownersOf({ metadata }: Owned): Record<string, object> {
  return Object.fromEntries((metadata.managedFields ?? []).map(({ manager, operation, subresource, fieldsV1 }) => [[manager, operation, subresource].filter((word) => word !== undefined).join(' '), fieldsV1]));
}

/** A set of fields without children. */
export const LEAF = {};

/** A ConfigMap named `a`. */
export const configMap = (data: object, metadata: object = {}): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', ...metadata }, data });

/** A widget named `a` that says only this of its spec. */
export const partOfWidget = (spec: object, more: object = {}): object => ({ ...widget('a'), spec, ...more });

/** Requests for one ConfigMap and one widget, both named `a`, in a namespace of their own. */
export async function inNamespace(api: ApiUnderTest) {
  const namespace = await api.newNamespace();
  const maps = `/api/v1/namespaces/${namespace}/configmaps`;
  const send = (method: string, path: string, body: unknown, contentType?: string) => api.request<Owned>(method, path, body, contentType);
  return {
    namespace,
    create: (manager: string, body: object) => send('POST', `${maps}?fieldManager=${manager}`, body),
    apply: (manager: string, body: unknown, query = '') => send('PATCH', `${maps}/a?fieldManager=${manager}${query}`, body, APPLY),
    merge: (manager: string, body: object, query = '') => send('PATCH', `${maps}/a?fieldManager=${manager}${query}`, body, MERGE),
    read: async () => (await send('GET', `${maps}/a`, undefined)).body,
    createWidget: (manager: string, body: object) => send('POST', `${widgetsIn(namespace)}?fieldManager=${manager}`, body),
    applyWidget: (manager: string, body: object, subpath = '', query = '') => send('PATCH', `${widgetsIn(namespace)}/a${subpath}?fieldManager=${manager}${query}`, body, APPLY),
    mergeWidget: (manager: string, body: object, subpath = '') => send('PATCH', `${widgetsIn(namespace)}/a${subpath}?fieldManager=${manager}`, body, MERGE),
    readWidget: async () => (await send('GET', `${widgetsIn(namespace)}/a`, undefined)).body,
  };
}
