import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { Container, PodSpec, PodTemplateSpec } from '../../src/schema/kubernetes';
import type { SandboxReply } from '../../src/schema/lifecycle-reply';
import { Annotation, EnvVar, EXECUTOR_CONTAINER, EXTENSION_ANNOTATION_PREFIX } from '../../src/schema/names';
import type { Pool } from '../../src/schema/pool';
import { isRecord } from '../../src/schema/validation';
import { Extension } from './create-check';
import { metadataOf } from './metadata';
import { SANDBOX_CONTAINER } from './pod-plan';
import { addressOf, sandboxStatus, toInstant } from './state';

/**
 * A sandbox as the API tells it: the same after create, get and list (L22); what is not known is left out.
 *
 * @param poolOf the Pool of a name, as far as it is known
 */
export function toSandbox(batch: BatchSandbox, poolOf: (name: string) => Pool | undefined): SandboxReply {
  const { name, creationTimestamp, labels, annotations = {} } = batch.metadata;
  const { poolRef, template, expireTime } = batch.spec;
  const image = imageOf(template ?? poolOf(poolRef ?? '')?.spec.template);
  const metadata = metadataOf(labels);
  const extensions = extensionsOf(annotations, poolRef);
  const expiresAt = toInstant(expireTime);
  const platform = platformOf(template?.spec);
  return {
    id: name,
    status: withoutUndefined(sandboxStatus(batch)),
    createdAt: toInstant(creationTimestamp) ?? new Date(0).toISOString(),
    entrypoint: entrypointOf(annotations, template),
    ...(image !== undefined && { image: { uri: image } }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(platform !== undefined && { platform }),
    ...(Object.keys(extensions).length > 0 && { extensions }),
    ...(poolRef !== undefined && { allocation: { mode: 'pool' as const, poolRef, state: addressOf(batch) === undefined ? ('pending' as const) : ('allocated' as const) } }),
  };
}

/** As it was asked for; of a sandbox that something else has made, the command of its container. */
function entrypointOf(annotations: Readonly<Record<string, string>>, template: PodTemplateSpec | undefined): string[] {
  const noted = parseTexts(annotations[Annotation.entrypoint]);
  return noted ?? [...(mainContainerOf(template?.spec)?.command ?? [])];
}

function imageOf(template: PodTemplateSpec | undefined): string | undefined {
  const image: unknown = mainContainerOf(template?.spec)?.image;
  return typeof image === 'string' ? image : undefined;
}

/** The container that is the sandbox: of a name of ours, marked as such, or the first one beside the executor. */
function mainContainerOf(spec: PodSpec | undefined): Container | undefined {
  // A template of a pool is what somebody wrote: the API server has not looked at it.
  const given: unknown = spec?.containers;
  const containers = (Array.isArray(given) ? given.filter(isRecord) : []) as unknown as readonly Container[];
  const others = containers.filter(({ name }) => name !== EXECUTOR_CONTAINER);
  const isMarked = ({ env }: Container) => Array.isArray(env) && env.some((variable: unknown) => isRecord(variable) && variable.name === EnvVar.mainContainer);
  return others.find(({ name }) => name === SANDBOX_CONTAINER) ?? others.find(isMarked) ?? others[0];
}

function extensionsOf(annotations: Readonly<Record<string, string>>, poolRef: string | undefined): Record<string, string> {
  const renew = annotations[Annotation.accessRenewSeconds];
  const copied = Object.entries(annotations).filter(([key]) => key.startsWith(EXTENSION_ANNOTATION_PREFIX));
  return {
    ...(poolRef !== undefined && { [Extension.poolRef]: poolRef }),
    ...(renew !== undefined && { [Extension.accessRenewSeconds]: renew }),
    ...Object.fromEntries(copied.map(([key, value]) => [`${Extension.annotation}${key.slice(EXTENSION_ANNOTATION_PREFIX.length)}`, value])),
  };
}

/** Only what SDKs can read. */
function platformOf(spec: PodSpec | undefined): SandboxReply['platform'] {
  const { 'kubernetes.io/os': os, 'kubernetes.io/arch': arch } = (spec?.nodeSelector ?? {}) as Readonly<Record<string, string | undefined>>;
  return os === 'linux' && (arch === 'amd64' || arch === 'arm64') ? { os, arch } : undefined;
}

function parseTexts(json: string | undefined): string[] | undefined {
  try {
    const value: unknown = JSON.parse(json ?? '');
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

function withoutUndefined<O extends object>(object: O): O {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as O;
}
