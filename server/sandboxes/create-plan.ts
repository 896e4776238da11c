import { createHash } from 'node:crypto';
import type { NewObject } from '../../operator/kube/api';
import type { BatchSandbox, BatchSandboxSpec } from '../../src/schema/batch-sandbox';
import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import type { CreateSandboxRequest } from '../../src/schema/lifecycle-request';
import { Annotation, EXTENSION_ANNOTATION_PREFIX, Label } from '../../src/schema/names';
import { Extension } from './create-check';
import type { TakeBack } from './take-back';

/** What the SDKs send when their user names no entrypoint: it only waits. */
const IDLE_ENTRYPOINT: readonly string[] = ['tail', '-f', '/dev/null'];

/** What a sandbox is planned from beside its request. */
export interface CreatePlanContext {
  readonly id: string;
  readonly namespace: string;
  readonly now: Date;
  /** Name of its Pool. @default - it has a pod of its own, made from `template` */
  readonly poolRef?: string;
  readonly template?: PodTemplateSpec;
  /** When servers take it back. @default - never */
  readonly takeBack?: TakeBack;
}

/** The BatchSandbox of one sandbox: one replica, named by the id. */
export function planSandbox(request: CreateSandboxRequest, context: CreatePlanContext): NewObject<BatchSandbox> {
  const { id, namespace, now, poolRef, template, takeBack } = context;
  const { timeout, entrypoint, metadata, extensions = {}, secureAccess } = request;
  const spec: BatchSandboxSpec = {
    replicas: 1,
    ...(poolRef === undefined ? { template: template as BatchSandboxSpec['template'] } : { poolRef, ...taskOf(request) }),
    ...(typeof timeout === 'number' && { expireTime: new Date(now.getTime() + timeout * 1000).toISOString() }),
  };
  const annotations = {
    [Annotation.requestDigest]: requestDigest(request),
    ...(entrypoint !== undefined && { [Annotation.entrypoint]: JSON.stringify(entrypoint) }),
    ...(takeBack !== undefined && { [takeBack.unless === 'delivered' ? Annotation.deliverBy : Annotation.confirmBy]: takeBack.at.toISOString() }),
    ...(secureAccess && { [Annotation.secureAccess]: 'true' }),
    ...extensionAnnotations(extensions),
  };
  return {
    metadata: { name: id, namespace, labels: { ...metadata, [Label.sandboxId]: id, ...(typeof timeout !== 'number' && { [Label.manualCleanup]: 'true' }) }, annotations },
    spec,
  };
}

/** SHA-256 over what a create asks for, whatever the order of its members and whatever its idempotency key. */
export function requestDigest(request: CreateSandboxRequest): string {
  const { [Extension.idempotencyKey]: _key, ...extensions } = request.extensions ?? {};
  return createHash('sha256').update(JSON.stringify(sorted({ ...request, extensions }))).digest('hex');
}

/** The id of the sandbox that a create with this key makes, on any replica: a UUID of the key (L17). */
export function idOfKey(key: string): string {
  const hex = createHash('sha256').update(`idempotency key\n${key}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

/**
 * The task that runs the entrypoint in the pod of a pool; none for one that only waits, which the pod does by itself.
 *
 * It is what the public server does by a shell; ours goes without one, so nothing is quoted.
 */
function taskOf({ entrypoint = [...IDLE_ENTRYPOINT], env = {} }: CreateSandboxRequest): Pick<BatchSandboxSpec, 'taskTemplate'> {
  const variables = Object.entries(env).map(([name, value]) => ({ name, value: value ?? '' }));
  const isIdle = entrypoint.length === IDLE_ENTRYPOINT.length && entrypoint.every((part, index) => part === IDLE_ENTRYPOINT[index]);
  if (isIdle && variables.length === 0) return {};
  return { taskTemplate: { spec: { process: { command: [...entrypoint], ...(variables.length > 0 && { env: variables }) } } } };
}

function extensionAnnotations(extensions: Readonly<Record<string, string>>): Record<string, string> {
  const copied = Object.entries(extensions).filter(([name]) => name.startsWith(Extension.annotation));
  const renew = extensions[Extension.accessRenewSeconds];
  return {
    ...(renew !== undefined && { [Annotation.accessRenewSeconds]: renew }),
    ...Object.fromEntries(copied.map(([name, value]) => [`${EXTENSION_ANNOTATION_PREFIX}${name.slice(Extension.annotation.length)}`, value])),
  };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, part]) => [key, sorted(part)]));
}
