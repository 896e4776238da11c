import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { invalidRequest, LifecycleError } from '../lifecycle-error';
import { showValue } from '../../src/schema/errors';
import { addressOf } from './state';

/** A port of a sandbox from text. @throws LifecycleError DOCKER::INVALID_PORT */
export function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw invalidRequest([{ path: 'port', expected: 'a whole number from 1 to 65535', got: showValue(text) }], 'DOCKER::INVALID_PORT');
  return port;
}

/** An address with a port, as a URL has them. */
export function hostAndPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Host and port of a port at the address of the pod. @throws LifecycleError KUBERNETES::POD_IP_NOT_AVAILABLE while it has none */
export function directEndpoint(batch: BatchSandbox, port: number): string {
  const address = addressOf(batch);
  if (address === undefined) throw new LifecycleError('KUBERNETES::POD_IP_NOT_AVAILABLE', `sandbox '${batch.metadata.name}': it has no address yet`);
  return hostAndPort(address, port);
}
