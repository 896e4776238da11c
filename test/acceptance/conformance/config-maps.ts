import type { ApiUnderTest } from '../../support/api-under-test';

/** An object as the API server has stored it. */
export interface Stored {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly unknown[];
  };
  readonly data?: Readonly<Record<string, string>>;
}

/** Path of the ConfigMaps of a namespace. */
export const configMaps = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;

/** Makes a ConfigMap with `a: '1'`. */
export async function createConfigMap(api: ApiUnderTest, namespace: string, name: string, metadata: object = {}): Promise<Stored> {
  const { status, body } = await api.request<Stored>('POST', configMaps(namespace), { metadata: { name, ...metadata }, data: { a: '1' } });
  expect(status).toBe(201);
  return body;
}
