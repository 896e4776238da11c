import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../src/program/clock';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Port } from '../../src/schema/names';
import type { ServerConfig } from '../../src/schema/server-config';
import { LifecycleError } from '../lifecycle-error';
import { addressOf } from '../sandboxes/state';
import { portOf } from '../sandboxes/endpoints';
import type { SandboxStore } from '../sandboxes/sandbox-store';
import type { ApiKeys } from '../web/api-keys';
import { API_KEY } from '../web/app';
import { ACCESS_TOKEN, type AccessTokens } from './access-token';
import { type ProxyRoute, proxyRouteOf, INGRESS_TO } from './proxy-route';
import type { RouteSigner } from './route-signature';

/** What a {@link Gate} needs. */
export interface GateOptions {
  readonly store: Pick<SandboxStore, 'get'>;
  readonly keys: ApiKeys;
  readonly tokens: AccessTokens;
  /** @default - no route is signed */
  readonly signer?: RouteSigner;
  readonly config: ServerConfig;
  readonly clock: Pick<Clock, 'now'>;
}

/** Where a request goes that may go there. */
export interface Target {
  readonly batch: BatchSandbox;
  /** Address of the pod. */
  readonly address: string;
  readonly port: number;
}

/** Decides which requests go into sandboxes, and into which: those with the API key, the token of the sandbox, or a signature. */
export class Gate {
  constructor(private readonly options: GateOptions) {}

  /** The way of a request; undefined for one of the API. */
  routeOf({ url = '/', headers }: IncomingMessage): ProxyRoute | undefined {
    return proxyRouteOf({ url, host: headers.host ?? '', ingressTo: oneOf(headers[INGRESS_TO]) }, this.options.config);
  }

  /**
   * Where a request goes; from the cache. What it shows is judged before anything is looked up: who may not pass neither learns what there is nor makes
   * the server ask for it.
   *
   * @throws LifecycleError MISSING_OR_INVALID_SECURE_ACCESS, DOCKER::INVALID_PORT, KUBERNETES::SANDBOX_NOT_FOUND, KUBERNETES::POD_IP_NOT_AVAILABLE,
   * KUBERNETES::UNAVAILABLE, KUBERNETES::INITIALIZATION_ERROR
   */
  async admit(route: ProxyRoute, { headers }: IncomingMessage, signal: AbortSignal): Promise<Target> {
    const { store, keys, tokens } = this.options;
    const isEntitled = keys.judge(oneOf(headers[API_KEY])).ok || this.isSigned(route);
    const uid = tokens.uidOf(oneOf(headers[ACCESS_TOKEN]), route.id);
    if (!isEntitled && uid === undefined) throw new LifecycleError('MISSING_OR_INVALID_SECURE_ACCESS');
    const port = portOf(route.port);
    const batch = await store.get(route.id, signal);
    // The token may be of an earlier sandbox of this id.
    if (!isEntitled && batch.metadata.uid !== uid) throw new LifecycleError('MISSING_OR_INVALID_SECURE_ACCESS');
    if (port === Port.executor) throw new LifecycleError('DOCKER::INVALID_PORT', `port: expected another than ${Port.executor}, which is the executor's own`);
    const address = addressOf(batch);
    if (address === undefined) throw new LifecycleError('KUBERNETES::POD_IP_NOT_AVAILABLE', `sandbox '${route.id}': it has no address yet`);
    return { batch, address, port };
  }

  private isSigned({ id, port, signed }: ProxyRoute): boolean {
    const { signer, clock } = this.options;
    return signed !== undefined && signer?.isGood({ id, port: portOf(port) }, signed.expiry, signed.signature, clock.now()) === true;
  }
}

function oneOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
