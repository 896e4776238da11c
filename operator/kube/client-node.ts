import { KubeConfig } from '@kubernetes/client-node';
import type { KubeConnection, TlsOptions } from './connection';

/** How long a header of the kubeconfig's user is used before client-node is asked again, in ms. Its own caches live as long. */
const HEADER_MAX_AGE_MS = 60_000;

/** The little of a request's headers that client-node fills. */
type HeaderRecord = Record<string, string | undefined>;

/**
 * The connection of a kubeconfig's current context: tokens, client certificates, token files and credential plugins.
 *
 * Load this file only when needed (`await import('…/client-node.js')`): client-node costs 100 ms and 20 MB.
 *
 * @param file path; absent means KUBECONFIG, then `~/.kube/config`
 * @throws Error when the file cannot be read or has no current cluster
 */
export async function connectionFromKubeconfig(file: string | undefined, monotonicMs: () => number): Promise<KubeConnection> {
  let config = readKubeconfig(file);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new Error(`kubeconfig: current-context: expected the name of a context with a cluster, got '${config.getCurrentContext()}'`);
  }
  let credentials = await readCredentials(config);
  let readAtMs = monotonicMs();

  const read = async () => {
    credentials = await readCredentials(config);
    readAtMs = monotonicMs();
  };
  return {
    server: new URL(cluster.server),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    tls: () => credentials.tls,
    authorization: async () => {
      if (monotonicMs() - readAtMs > HEADER_MAX_AGE_MS) await read();
      return credentials.authorization;
    },
    refresh: async () => {
      // A new KubeConfig, since client-node keeps tokens inside and would hand out the refused one again.
      config = readKubeconfig(file);
      await read();
    },
  };
}

function readKubeconfig(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  return config;
}

/** client-node refuses plain HTTP unless told not to verify; a cluster on loopback has nothing to verify. */
function allowPlainHttp(config: KubeConfig): KubeConfig {
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (cluster?.server.startsWith('http:') !== true || user === null) return config;
  const allowed = new KubeConfig();
  allowed.loadFromClusterAndUser({ ...cluster, skipTLSVerify: true }, user);
  return allowed;
}

interface Credentials {
  readonly authorization: string | undefined;
  readonly tls: TlsOptions;
}

async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const options: TlsOptions & { headers: HeaderRecord; auth?: string } = { headers: {} };
  await allowPlainHttp(config).applyToHTTPSOptions(options);
  const basic = options.auth === undefined ? undefined : `Basic ${Buffer.from(options.auth).toString('base64')}`;
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  return { authorization: options.headers.Authorization ?? basic, tls: { ca, cert, key, servername, rejectUnauthorized } };
}
