import { z } from 'zod';
import { text } from './fields';
import { dnsLabel, quantity } from './pod-template';

/**
 * Bodies of requests to the lifecycle API of sandboxes.
 *
 * Members that are not named pass and are ignored, since newer SDKs send more; null for an optional one counts as absent.
 *
 * @see shared/reference/lifecycle-server.md section 3
 */

/** Shortest life of a sandbox, in seconds. */
export const MIN_TIMEOUT_SECONDS = 60;
/** Most environment variables of a sandbox. */
export const MAX_VARIABLES = 1000;
/** Longest argument of an entrypoint and longest value of a variable, in characters. */
const MAX_ARGUMENT = 131_072;

const argument = () => text(MAX_ARGUMENT).regex(/^[^\0]*$/).meta({ expected: `text of at most ${MAX_ARGUMENT} characters without NUL`, secret: true });
const amounts = () => z.record(z.string().min(1), quantity());

/** Name and password of a registry. */
const imageAuth = z.object({ username: z.string().min(1), password: z.string().min(1).meta({ secret: true }) }).meta({ secret: true });

const volume = z.object({
  name: dnsLabel().describe('Name of the volume in the pod; unique in the request.'),
  host: z.object({ path: z.string().regex(/^\//).meta({ expected: 'an absolute path' }) }).optional().describe('Directory of the node; only below storage.allowed_host_paths.'),
  pvc: z
    .object({
      claimName: text(253).regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/).meta({ expected: 'the name of a PersistentVolumeClaim' }),
      createIfNotExists: z.boolean().default(true),
      deleteOnSandboxTermination: z.boolean().default(false),
      storageClass: z.string().min(1).optional(),
      storage: quantity().optional(),
      accessModes: z.array(z.string().min(1)).min(1).optional(),
    })
    .optional()
    .describe('PersistentVolumeClaim of the namespace; made when it is not there.'),
  ossfs: z.record(z.string(), z.unknown()).optional().describe('Not on Kubernetes: refused.'),
  mountPath: z.string().regex(/^\//).meta({ expected: 'an absolute path' }),
  readOnly: z.boolean().default(false),
  subPath: z.string().min(1).optional().describe('Path in the volume, relative and without `..`.'),
});

/** Body of POST /sandboxes. */
export const createSandboxRequest = z
  .object({
    image: z.object({ uri: z.string().min(1).max(1024), auth: imageAuth.optional() }).optional().describe('Image of the sandbox; without effect when pooled.'),
    snapshotId: z.string().optional().describe('Snapshot to start from; not offered yet.'),
    entrypoint: z.array(argument()).min(1).optional().describe('Command that the sandbox runs; required with an image, optional when pooled.').meta({ secret: true }),
    timeout: z.int().min(MIN_TIMEOUT_SECONDS).nullable().optional().describe('Life in seconds; null or absent: until it is deleted.'),
    resourceLimits: amounts().optional().describe('Limits of the container, such as cpu, memory, gpu; required unless pooled, and then without effect.'),
    resourceRequests: amounts().optional().describe('Requests of the container. Default: the limits.'),
    env: z
      .record(z.string(), argument().nullable())
      .optional()
      .describe(`Environment of the entrypoint, at most ${MAX_VARIABLES} variables; null is empty.`)
      .meta({ secret: true }),
    metadata: z.record(z.string(), z.string()).optional().describe('Labels of the sandbox: keys and values as Kubernetes takes them for labels.'),
    platform: z.object({ os: z.enum(['linux', 'windows']), arch: z.enum(['amd64', 'arm64']) }).optional().describe('Node to run on; not when pooled.'),
    networkPolicy: z.record(z.string(), z.unknown()).optional().describe('Needs an egress container, which this server has not: refused.'),
    credentialProxy: z.object({ enabled: z.boolean().optional() }).optional().describe('Needs an egress container: refused when enabled.'),
    secureAccess: z.boolean().default(false).describe('Whether endpoints ask for a token; needs ingress.mode = "gateway".'),
    volumes: z.array(volume).max(64).optional().describe('Volumes of the sandbox; not when pooled.'),
    extensions: z
      .record(z.string(), z.string().max(4096))
      .optional()
      .describe('poolRef: name of the Pool, or * for any. idempotency.key. access.renew.extend.seconds. opensandbox.extensions.<x>: copied to an annotation. Others are ignored.'),
    lifecycle: z.record(z.string(), z.unknown()).optional().describe('Commands of the sandbox itself; not offered: refused.'),
    templateId: z.string().optional().describe('Template of a microVM; not offered: refused.'),
  })
  .meta({ id: 'CreateSandboxRequest' });

/** Body of POST /sandboxes/{id}/renew-expiration; a time without a zone is UTC. */
export const renewRequest = z
  .object({
    expiresAt: z
      .string()
      .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$/i)
      .describe('When the sandbox ends, in RFC 3339; in the future.')
      .meta({ expected: 'a time such as 2026-12-31T23:59:59Z' }),
  })
  .meta({ id: 'RenewSandboxExpirationRequest' });

/** Body of PATCH /sandboxes/{id}/metadata: null removes a key. */
export const metadataPatch = z.record(z.string(), z.string().nullable()).meta({ id: 'SandboxMetadataPatch' });

/** A create as parsed. */
export type CreateSandboxRequest = z.output<typeof createSandboxRequest>;
/** One volume of a create. */
export type VolumeRequest = z.output<typeof volume>;
