import { Pool } from 'undici';
import type { KubeConnection } from '../../operator/kube/connection';

/** A request to the API server as a right: `verb resource[/subresource]`. */
export type UsedRight = string;

/** Called before a request leaves, which waits for it: a test does there what others do in between. */
export type BeforeRequest = (right: UsedRight, path: string) => Promise<void>;

/** A connection whose requests are noted as the rights that they take. */
export function recordedConnection(connection: KubeConnection, rights: Set<UsedRight>, before?: BeforeRequest): KubeConnection {
  return {
    ...connection,
    open: (max) =>
      new Pool(connection.server.origin, { connections: max ?? null, pipelining: 1, allowH2: false, bodyTimeout: 0, connect: connection.tls() }).compose((dispatch) => (options, handler) => {
        const right = toRight(options.method, options.path);
        rights.add(right);
        if (before === undefined) return dispatch(options, handler);
        // What a test does in between may fail as the test ends; the request leaves nevertheless.
        void before(right, options.path).catch(() => undefined).then(() => dispatch(options, handler));
        return true;
      }),
  };
}

const OF_OBJECTS: Readonly<Record<string, string>> = { GET: 'get', PATCH: 'patch', DELETE: 'delete' };

/** @see https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb */
function toRight(method: string, path: string): UsedRight {
  const url = new URL(path, 'http://server.example');
  const [resource = '', name, subresource] = url.pathname.replace(/^\/(api\/v1|apis\/[^/]+\/[^/]+)\/(namespaces\/[^/]+\/)?/, '').split('/');
  if (name !== undefined) return `${OF_OBJECTS[method] ?? method} ${subresource === undefined ? resource : `${resource}/${subresource}`}`;
  if (method === 'POST') return `create ${resource}`;
  return `${url.searchParams.get('watch') === 'true' ? 'watch' : 'list'} ${resource}`;
}
