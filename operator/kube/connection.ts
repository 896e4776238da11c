import { readFile } from 'node:fs/promises';

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

/** The kubelet replaces a token some time before it ends, so reading it once a minute is often enough. */
const TOKEN_MAX_AGE_MS = 60_000;

/** What tells a program in a pod where the API server is. */
export interface InClusterOptions {
  /** KUBERNETES_SERVICE_HOST. */
  readonly host: string;
  /** KUBERNETES_SERVICE_PORT. */
  readonly port: string;
  /** @default - the kubelet's directory */
  readonly dir?: string;
  /** Ms since an arbitrary start. */
  readonly monotonicMs: () => number;
}

/**
 * The connection of a pod with its service account.
 *
 * @throws Error of node:fs when the files are not there
 */
export async function inClusterConnection({ host, port, dir = SERVICE_ACCOUNT_DIR, monotonicMs }: InClusterOptions): Promise<KubeConnection> {
  const namespace = (await readFile(`${dir}/namespace`, 'utf8')).trim();
  let ca = await readFile(`${dir}/ca.crt`);
  let authorization: string | undefined;
  let readAtMs = 0;

  const readToken = async () => {
    authorization = `Bearer ${(await readFile(`${dir}/token`, 'utf8')).trim()}`;
    readAtMs = monotonicMs();
  };
  await readToken();
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    namespace,
    tls: () => ({ ca }),
    authorization: async () => {
      if (monotonicMs() - readAtMs > TOKEN_MAX_AGE_MS) await readToken();
      return authorization;
    },
    refresh: async () => {
      ca = await readFile(`${dir}/ca.crt`);
      await readToken();
    },
  };
}
