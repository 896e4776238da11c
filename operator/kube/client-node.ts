import { Writable } from 'node:stream';
import { Exec, KubeConfig } from '@kubernetes/client-node';
import { TransportError } from './api-error';
import type { KubeConnection, TlsOptions } from './connection';
import type { ExecRequest } from './pod-exec';

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

/** The part of client-node's web socket that is used; its own type needs another package. */
interface ExecSocket {
  on(event: 'close', listener: () => void): void;
  terminate(): void;
}

/**
 * Runs a command in a container over a connection of its own, and drops what it prints.
 *
 * @see PodExec in ./pod-exec
 */
export async function execInPod(connection: KubeConnection, { namespace, pod, container, command, timeoutMs, signal }: ExecRequest): Promise<void> {
  const subject = `exec in container '${container}' of pod '${namespace}/${pod}'`;
  const exec = new Exec(await toKubeConfig(connection));
  let socket: ExecSocket | undefined;
  let over = false;
  let end: () => void = () => undefined;
  let cancel: () => void = () => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new TransportError(`${subject}: expected an end within ${timeoutMs} ms, got none`)), timeoutMs);
      end = () => reject(new TransportError(`${subject}: cut short`));
      cancel = () => clearTimeout(timer);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
      const opened: Promise<ExecSocket> = exec.exec(namespace, pod, container, [...command], sink(), sink(), null, false, () => resolve());
      opened.then(
        (open) => {
          socket = open;
          open.on('close', resolve);
          if (over) open.terminate();
        },
        (error: unknown) => reject(new TransportError(`${subject}: ${messageOf(error)}`)),
      );
    });
  } finally {
    over = true;
    cancel();
    signal.removeEventListener('abort', end);
    socket?.terminate();
  }
}

/** What a container prints goes nowhere; it may print without end, and after its end. */
function sink(): Writable {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
  stream.on('error', () => undefined);
  return stream;
}

/** The connection as client-node wants it, with the credentials of now. */
async function toKubeConfig({ server, tls, authorization }: KubeConnection): Promise<KubeConfig> {
  const { ca, cert, key, servername, rejectUnauthorized } = tls();
  const [scheme, credential = ''] = ((await authorization()) ?? '').split(' ');
  const [username, password] = scheme === 'Basic' ? Buffer.from(credential, 'base64').toString().split(/:(.*)/s) : [];
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    {
      name: 'cluster',
      server: server.origin,
      caData: toBase64(ca),
      skipTLSVerify: rejectUnauthorized === false || server.protocol === 'http:',
      tlsServerName: servername,
    },
    { name: 'operator', certData: toBase64(cert), keyData: toBase64(key), ...(scheme === 'Bearer' && { token: credential }), username, password },
  );
  return config;
}

function toBase64(pem: string | Buffer | undefined): string | undefined {
  return pem === undefined ? undefined : Buffer.from(pem).toString('base64');
}

/** Failures to connect come as events of the web socket. */
function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}
