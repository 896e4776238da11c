import { Pool } from 'undici';
import type { KubeConnection } from '../../operator/kube/connection';

/** A request to the API server as a right: `verb resource[/subresource]`. */
export type UsedRight = string;

/** A connection whose requests are noted as the rights that they take. */
export function recordedConnection(connection: KubeConnection, rights: Set<UsedRight>): KubeConnection {
  return {
    ...connection,
    open: (max) =>
      new Pool(connection.server.origin, { connections: max ?? null, pipelining: 1, allowH2: false, bodyTimeout: 0, connect: connection.tls() }).compose((dispatch) => (options, handler) => {
        rights.add(toRight(options.method, options.path));
        return dispatch(options, handler);
      }),
  };
}

const OF_OBJECTS: Readonly<Record<string, string>> = { GET: 'get', PATCH: 'patch', DELETE: 'delete' };

/** @see https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb */
function toRight(method: string, path: string): UsedRight {
  const url = new URL(path, 'http://server.example');
  const [resource = '', name, subresource] = url.pathname.replace(/^\/(api\/v1|apis\/[^/]+\/[^/]+)\/namespaces\/[^/]+\//, '').split('/');
  if (name !== undefined) return `${OF_OBJECTS[method] ?? method} ${subresource === undefined ? resource : `${resource}/${subresource}`}`;
  if (method === 'POST') return `create ${resource}`;
  return `${url.searchParams.get('watch') === 'true' ? 'watch' : 'list'} ${resource}`;
}
