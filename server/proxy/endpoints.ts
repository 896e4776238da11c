import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { showValue } from '../../src/schema/errors';
import type { EndpointReply } from '../../src/schema/lifecycle-reply';
import { Port } from '../../src/schema/names';
import type { ServerConfig } from '../../src/schema/server-config';
import { invalidRequest } from '../lifecycle-error';
import { directEndpoint, portOf } from '../sandboxes/endpoints';
import type { EndpointInput } from '../sandboxes/routes';
import type { AccessTokens } from './access-token';
import type { ExecdHeaders } from './execd-headers';
import type { RouteSigner } from './route-signature';

/** What {@link endpointOf} needs. */
export interface EndpointContext {
  readonly config: ServerConfig;
  readonly tokens: AccessTokens;
  readonly execd: ExecdHeaders;
  /** @default - endpoints cannot end */
  readonly signer?: RouteSigner;
  readonly now: Date;
}

/** Names of the headers as endpoints tell them; the gate reads ACCESS_TOKEN and INGRESS_TO, whatever their case. */
const TOKEN_HEADER = 'OpenSandbox-Secure-Access';
const TARGET_HEADER = 'OpenSandbox-Ingress-To';
type HeaderFields = Readonly<Record<string, string>>;
/** Largest end that a route can carry. */
const MAX_EXPIRES = 2n ** 64n - 1n;

/**
 * The endpoint of a port of a sandbox: through this server when that is asked for, else as `ingress` says.
 *
 * @throws LifecycleError
 */
export function endpointOf(batch: BatchSandbox, portText: string, input: EndpointInput, context: EndpointContext): EndpointReply {
  const port = portOf(portText);
  const { config } = context;
  const execd = context.execd.of(batch, port);
  if (input.useServerProxy) {
    if (input.expires !== undefined) throw invalidRequest([{ path: 'expires', expected: 'nothing beside use_server_proxy', got: showValue(input.expires) }]);
    refuseExecutor(port);
    directEndpoint(batch, port); // it must have an address
    const prefix = input.path.startsWith('/v1/') ? '/v1' : '';
    return toReply(`${config.server.eip ?? input.host}${prefix}/sandboxes/${batch.metadata.name}/proxy/${port}`, { ...tokenHeaders(batch, context), ...execd });
  }
  if (config.ingress.mode === 'direct') {
    if (input.expires !== undefined) throw invalidRequest([{ path: 'expires', expected: 'nothing, since endpoints go straight to pods (ingress.mode = "direct")', got: showValue(input.expires) }]);
    return toReply(directEndpoint(batch, port), execd);
  }
  refuseExecutor(port);
  return gatewayEndpoint(batch, port, input.expires, execd, context);
}

function gatewayEndpoint(batch: BatchSandbox, port: number, expires: string | undefined, execd: HeaderFields, context: EndpointContext): EndpointReply {
  const { gateway } = context.config.ingress;
  const { address = '', route = { mode: 'header' as const } } = gateway ?? {};
  const id = batch.metadata.name;
  const signed = expires === undefined ? undefined : sign(id, port, expires, route.mode, context);
  const target = [id, port, ...(signed === undefined ? [] : [signed.expiry, signed.signature])];
  // A signed one is for others, who get no token; what else the executor needs, the gateway says.
  const headers = signed === undefined ? { ...tokenHeaders(batch, context), ...execd } : {};
  switch (route.mode) {
    case 'header':
      return toReply(address, { [TARGET_HEADER]: target.join('-'), ...headers });
    case 'wildcard':
      return toReply(`${target.join('-')}${address.slice(1)}`, headers);
    case 'uri':
      return toReply(`${address.replace(/\/+$/, '')}/${target.join('/')}`, headers);
  }
}

function sign(id: string, port: number, expires: string, mode: string, { signer, now }: EndpointContext): { readonly expiry: string; readonly signature: string } {
  const refuse = (expected: string) => invalidRequest([{ path: 'expires', expected, got: showValue(expires) }]);
  if (signer === undefined) throw refuse('nothing, since ingress.secure_access has no keys');
  // A name of DNS has 63 characters between two points; a signature that is worth it does not fit beside the rest.
  if (mode === 'wildcard') throw refuse('nothing in route mode wildcard, whose names are too short for a signature; use header or uri');
  const seconds = BigInt(expires);
  if (seconds > MAX_EXPIRES || Number(seconds) * 1000 <= now.getTime()) throw refuse('seconds since 1970, in the future');
  return signer.sign({ id, port }, seconds);
}

/** The token that opens the sandbox, for SDKs to repeat. */
function tokenHeaders(batch: BatchSandbox, { tokens }: EndpointContext): HeaderFields {
  const token = tokens.tokenOf(batch);
  return token === undefined ? {} : { [TOKEN_HEADER]: token };
}

function toReply(endpoint: string, headers: HeaderFields): EndpointReply {
  return { endpoint, ...(Object.keys(headers).length > 0 && { headers }) };
}

function refuseExecutor(port: number): void {
  if (port === Port.executor) throw invalidRequest([{ path: 'port', expected: "another than the executor's own", got: String(port) }], 'DOCKER::INVALID_PORT');
}
