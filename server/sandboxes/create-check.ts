import { type Problem, showValue } from '../../src/schema/errors';
import { type CreateSandboxRequest, MAX_VARIABLES } from '../../src/schema/lifecycle-request';
import type { ServerConfig } from '../../src/schema/server-config';
import { invalidRequest, LifecycleError } from '../lifecycle-error';
import { metadataProblems } from './metadata';
import { volumeProblems } from './volume-checks';

/** Extensions that mean something here. */
export const Extension = {
  poolRef: 'poolRef',
  idempotencyKey: 'idempotency.key',
  accessRenewSeconds: 'access.renew.extend.seconds',
  /** Front of those that become annotations. */
  annotation: 'opensandbox.extensions.',
} as const;

const RENEW_SECONDS = { min: 300, max: 86_400 } as const;
const ANNOTATION_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
/** Variables that belong to the server. */
const OWN_VARIABLES = /^OPENSANDBOX_(LIFECYCLE$|EGRESS_)/;

/** Name of the Pool that a create asks for; undefined when it asks for none. */
export function poolRefOf({ extensions = {} }: CreateSandboxRequest): string | undefined {
  const poolRef = extensions[Extension.poolRef]?.trim() ?? '';
  return poolRef === '' ? undefined : poolRef;
}

/**
 * Refuses a create that cannot be honoured: with the code that clients know for it where there is one, else with every problem at once.
 *
 * @throws LifecycleError
 */
export function checkCreate(request: CreateSandboxRequest, config: ServerConfig): void {
  const poolRef = poolRefOf(request);
  const { reserved, malformed } = metadataProblems(request.metadata ?? {});
  if (reserved.length + malformed.length > 0) throw invalidRequest([...reserved, ...malformed], 'SANDBOX::INVALID_METADATA_LABEL');
  const problems = [
    ...commonProblems(request, config),
    ...environmentProblems(request.env ?? {}),
    ...extensionProblems(request.extensions ?? {}),
    ...(poolRef === undefined ? directProblems(request) : pooledProblems(request)),
  ];
  if (problems.length > 0) throw invalidRequest(problems);
  if (isGiven(request.snapshotId)) throw new LifecycleError('SNAPSHOT::NOT_IMPLEMENTED', 'snapshotId: this runtime has no snapshots yet; start from an image');
  if (poolRef !== undefined) return;
  if (request.entrypoint === undefined) throw new LifecycleError('DOCKER::INVALID_ENTRYPOINT', 'entrypoint: expected the command that the sandbox runs, got nothing');
  const ofVolumes = volumeProblems(request.volumes ?? [], config.storage.allowed_host_paths);
  if (ofVolumes.length > 0) throw invalidRequest(ofVolumes, 'VOLUME::INVALID');
}

function commonProblems({ timeout, lifecycle, templateId, networkPolicy, credentialProxy, secureAccess }: CreateSandboxRequest, { server, ingress }: ServerConfig): Problem[] {
  const most = server.max_sandbox_timeout_seconds;
  return [
    ...(most !== undefined && (timeout ?? Infinity) > most
      ? [{ path: 'timeout', expected: `at most ${most} seconds (server.max_sandbox_timeout_seconds)`, got: typeof timeout === 'number' ? String(timeout) : 'no end' }]
      : []),
    ...(secureAccess && ingress.mode !== 'gateway' ? [{ path: 'secureAccess', expected: 'false, since endpoints go straight to pods (ingress.mode = "direct")', got: 'true' }] : []),
    ...notOffered('lifecycle', lifecycle, 'commands of the sandbox itself are not offered'),
    ...notOffered('templateId', isGiven(templateId) ? templateId : undefined, 'there are no microVMs'),
    ...notOffered('networkPolicy', networkPolicy, 'this server starts no egress container'),
    ...notOffered('credentialProxy', credentialProxy?.enabled === true ? credentialProxy : undefined, 'this server starts no egress container'),
  ];
}

function directProblems({ image, snapshotId, resourceLimits, platform }: CreateSandboxRequest): Problem[] {
  return [
    ...(image === undefined && !isGiven(snapshotId) ? [{ path: 'image', expected: 'an image, or extensions.poolRef', got: 'nothing' }] : []),
    ...(image !== undefined && isGiven(snapshotId) ? [{ path: 'snapshotId', expected: 'nothing beside image', got: showValue(snapshotId) }] : []),
    ...(resourceLimits === undefined ? [{ path: 'resourceLimits', expected: 'limits such as {"cpu": "1", "memory": "2Gi"}', got: 'nothing' }] : []),
    ...(platform?.os === 'windows' ? [{ path: 'platform.os', expected: "'linux', since the executor runs there only", got: "'windows'" }] : []),
  ];
}

function pooledProblems({ snapshotId, platform, volumes = [] }: CreateSandboxRequest): Problem[] {
  const why = 'the pods of a pool are made before';
  return [
    ...notOffered('snapshotId', isGiven(snapshotId) ? snapshotId : undefined, why),
    ...notOffered('platform', platform, why),
    ...notOffered('volumes', volumes.length > 0 ? volumes : undefined, why),
  ];
}

function environmentProblems(env: Readonly<Record<string, string | null>>): Problem[] {
  const names = Object.keys(env);
  return [
    ...(names.length > MAX_VARIABLES ? [{ path: 'env', expected: `at most ${MAX_VARIABLES} variables`, got: String(names.length) }] : []),
    // What is no name may be name and value in one, so it is not shown.
    ...(names.some((name) => name === '' || name.length > 256 || /[=\0]/.test(name)) ? [{ path: 'env', expected: "names without '=' of 1 to 256 characters", got: 'another' }] : []),
    ...names.filter((name) => OWN_VARIABLES.test(name)).map((name) => ({ path: `env.${name}`, expected: 'no variable of the server', got: showValue(name) })),
  ];
}

function extensionProblems(extensions: Readonly<Record<string, string>>): Problem[] {
  const seconds = extensions[Extension.accessRenewSeconds];
  const key = extensions[Extension.idempotencyKey];
  const copied = Object.keys(extensions).filter((name) => name.startsWith(Extension.annotation));
  const { min, max } = RENEW_SECONDS;
  return [
    ...(seconds !== undefined && !(/^\d{1,9}$/.test(seconds) && Number(seconds) >= min && Number(seconds) <= max)
      ? [{ path: `extensions['${Extension.accessRenewSeconds}']`, expected: `a whole number from ${min} to ${max}, as text`, got: showValue(seconds) }]
      : []),
    ...(key?.trim() === '' ? [{ path: `extensions['${Extension.idempotencyKey}']`, expected: 'text', got: showValue(key) }] : []),
    ...copied
      .filter((name) => !ANNOTATION_NAME.test(name.slice(Extension.annotation.length)))
      .map((name) => ({ path: `extensions[${showValue(name)}]`, expected: `${Extension.annotation} and a name of letters, digits, -, _ and .`, got: showValue(name) })),
  ];
}

function notOffered(path: string, value: unknown, why: string): Problem[] {
  return value === undefined ? [] : [{ path, expected: `nothing, since ${why}`, got: showValue(value) }];
}

/** Blank counts as absent. */
function isGiven(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '';
}
