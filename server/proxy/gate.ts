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
   * Where a request goes; from the cache.
   *
   * @throws LifecycleError MISSING_OR_INVALID_SECURE_ACCESS, DOCKER::INVALID_PORT, KUBERNETES::SANDBOX_NOT_FOUND, KUBERNETES::POD_IP_NOT_AVAILABLE
   */
  async admit(route: ProxyRoute, { headers }: IncomingMessage, signal: AbortSignal): Promise<Target> {
    const { store, keys, tokens, signer, clock } = this.options;
    const hasKey = keys.judge(oneOf(headers[API_KEY])).ok;
    const token = oneOf(headers[ACCESS_TOKEN]);
    const { signed } = route;
    // Before anything is read: who has nothing to show learns nothing of what there is.
    if (!hasKey && token === undefined && signed === undefined) throw new LifecycleError('MISSING_OR_INVALID_SECURE_ACCESS');
    const port = portOf(route.port);
    const isSigned = signed !== undefined && signer?.isGood({ id: route.id, port }, signed.expiry, signed.signature, clock.now()) === true;
    const batch = await store.get(route.id, signal).catch((error: unknown) => {
      throw hasKey || isSigned ? error : new LifecycleError('MISSING_OR_INVALID_SECURE_ACCESS');
    });
    if (!hasKey && !isSigned && !tokens.opens(token, batch.metadata.uid ?? '')) throw new LifecycleError('MISSING_OR_INVALID_SECURE_ACCESS');
    if (port === Port.executor) throw new LifecycleError('DOCKER::INVALID_PORT', `port: expected another than ${Port.executor}, which is the executor's own`);
    const address = addressOf(batch);
    if (address === undefined) throw new LifecycleError('KUBERNETES::POD_IP_NOT_AVAILABLE', `sandbox '${route.id}': it has no address yet`);
    return { batch, address, port };
  }
}

function oneOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
