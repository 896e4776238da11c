import type { ServerConfig } from '../../src/schema/server-config';

/** Where a request through the server is to go. */
export interface ProxyRoute {
  /** Id of the sandbox. */
  readonly id: string;
  /** As it was written. */
  readonly port: string;
  /** Path and query, as they were written. */
  readonly path: string;
  /** What stands before `path` in what the caller asked for; root-relative redirects get it back. */
  readonly prefix: string;
  /** End and signature, where the route is signed. */
  readonly signed?: { readonly expiry: string; readonly signature: string };
}

/** Header that names the sandbox and port, by `<id>-<port>` or `<id>-<port>-<end>-<signature>`. */
export const INGRESS_TO = 'opensandbox-ingress-to';

const PROXY_PATH = /^((?:\/v1)?\/sandboxes\/([^/?#]+)\/proxy\/([^/?#]+))([/?].*)?$/;
const TARGET = /^(.+?)-(\d{1,5})(?:-([0-9a-z]{1,13})-([0-9a-f]{32}[0-9a-z]))?$/;
const URI_PATH = /^(\/([^/?#]+)\/(\d{1,5})(?:\/([0-9a-z]{1,13})\/([0-9a-f]{32}[0-9a-z]))?)([/?].*)?$/;

/** What a request says of its way. */
export interface Asked {
  /** Path and query. */
  readonly url: string;
  readonly host: string;
  /** Value of {@link INGRESS_TO}. */
  readonly ingressTo: string | undefined;
}

/** The way of a request through the proxy or, where the configuration has one, the gateway; undefined for one of the API itself; pure. */
export function proxyRouteOf({ url, host, ingressTo }: Asked, { ingress: { mode, gateway } }: Pick<ServerConfig, 'ingress'>): ProxyRoute | undefined {
  const [, prefix, id, port, path] = PROXY_PATH.exec(url) ?? [];
  if (prefix !== undefined && id !== undefined && port !== undefined) return { id, port, prefix, path: withSlash(path) };
  if (mode !== 'gateway' || gateway === undefined) return undefined;
  switch (gateway.route.mode) {
    case 'header':
      return ingressTo === undefined ? undefined : targetRoute(ingressTo, url);
    case 'wildcard': {
      const base = gateway.address.slice(1).toLowerCase();
      const wanted = host.toLowerCase();
      return wanted.endsWith(base) ? targetRoute(wanted.slice(0, -base.length), url) : undefined;
    }
    case 'uri':
      return uriRoute(url, pathOf(gateway.address));
  }
}

function targetRoute(target: string, url: string): ProxyRoute | undefined {
  const [, id, port, expiry, signature] = TARGET.exec(target) ?? [];
  return id === undefined || port === undefined ? undefined : { id, port, prefix: '', path: withSlash(url), ...signedBy(expiry, signature) };
}

/** @param front path of the gateway's address, which whatever stands before the server may have cut off */
function uriRoute(url: string, front: string): ProxyRoute | undefined {
  const cut = front !== '' && url.startsWith(`${front}/`) ? front : '';
  const [, prefix = '', id, port, expiry, signature, path] = URI_PATH.exec(url.slice(cut.length)) ?? [];
  return id === undefined || port === undefined ? undefined : { id, port, prefix: `${cut}${prefix}`, path: withSlash(path), ...signedBy(expiry, signature) };
}

function signedBy(expiry: string | undefined, signature: string | undefined): Pick<ProxyRoute, 'signed'> {
  return expiry === undefined || signature === undefined ? {} : { signed: { expiry, signature } };
}

function withSlash(path = '/'): string {
  return path.startsWith('/') ? path : `/${path}`;
}

/** Path of an address without scheme; without a slash at its end. */
function pathOf(address: string): string {
  const at = address.indexOf('/');
  return at === -1 ? '' : address.slice(at).replace(/\/+$/, '');
}
