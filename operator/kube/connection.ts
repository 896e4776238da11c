import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Dispatcher } from 'undici';

/** A set of HTTP connections: what requests are handed to. */
export type HttpConnections = Dispatcher;

/** TLS options of a connection, in the words of node:tls. */
export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Where the API server is, and who we are to it. */
export interface KubeConnection {
  readonly server: URL;
  /** Namespace that the caller works in unless told otherwise. */
  readonly namespace?: string;
  /** TLS options now; read again for every new set of connections. */
  tls(): TlsOptions;
  /** Value of the Authorization header. */
  authorization(): Promise<string | undefined>;
  /** Reads the credentials anew; called after a 401. */
  refresh(): Promise<void>;
  /**
   * Opens a set of connections.
   *
   * @param max most of them; absent means as many as there are requests at once
   * @default - TCP connections to `server`, with TLS when its URL says so
   */
  readonly open?: (max: number | undefined) => HttpConnections;
}

/** A connection from what is known already; nothing is read anew. */
export function fixedConnection(server: string, token?: string, tls: TlsOptions = {}): KubeConnection {
  return {
    server: new URL(server),
    tls: () => tls,
    authorization: () => Promise.resolve(token === undefined ? undefined : `Bearer ${token}`),
    refresh: () => Promise.resolve(),
  };
}

/** Where the kubelet puts the credentials of a pod's service account. */
const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What tells a program in a pod where the API server is. */
export interface InClusterOptions {
  /** KUBERNETES_SERVICE_HOST. */
  readonly host: string;
  /** KUBERNETES_SERVICE_PORT. */
  readonly port: string;
  /** @default - the kubelet's directory */
  readonly dir?: string;
}

/**
 * The connection of a pod with its service account.
 *
 * The kubelet replaces the files some time before the token ends, by moving a symbolic link of the directory. The kernel tells of it, and the
 * next request reads them again; watches under way go on, since the API server asks for a token only at their start.
 *
 * @throws Error of node:fs when the files are not there
 * @see https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
 */
export async function inClusterConnection({ host, port, dir = SERVICE_ACCOUNT_DIR }: InClusterOptions): Promise<KubeConnection> {
  const changes = noteChanges(dir);
  const namespace = (await readFile(`${dir}/namespace`, 'utf8')).trim();
  let ca: Buffer;
  let authorization: string;

  const read = async () => {
    // Before the files: a change in the middle is then read once more.
    changes.pending = false;
    try {
      ca = await readFile(`${dir}/ca.crt`);
      authorization = `Bearer ${(await readFile(`${dir}/token`, 'utf8')).trim()}`;
    } catch (error) {
      changes.pending = true;
      throw error;
    }
  };
  await read();
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    namespace,
    tls: () => ({ ca }),
    authorization: async () => {
      if (changes.pending) await read();
      return authorization;
    },
    refresh: read,
  };
}

/** Notes changes in a directory for the life of the process. */
function noteChanges(dir: string): { pending: boolean } {
  const changes = { pending: false };
  try {
    const watcher = watch(dir, { persistent: false }, () => {
      changes.pending = true;
    });
    watcher.on('error', () => watcher.close());
  } catch {
    // A node has few watchers for all processes of one user; without one, the answer 401 makes us read again.
  }
  return changes;
}
