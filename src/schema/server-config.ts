import { z } from 'zod';
import { quantity } from './pod-template';

/**
 * The configuration file of the lifecycle server, in TOML: every key that the existing server knows, and a few of our own.
 *
 * A key whose value changes nothing here is accepted and reported; one that asks for what this server cannot do is refused.
 *
 * @see shared/reference/lifecycle-server.md section 14
 */

/** A key that is accepted and changes nothing. */
const unused = <S extends z.ZodType>(schema: S, reason: string) => schema.optional().describe(`Without effect: ${reason}.`).meta({ unused: reason });
const amounts = () => z.record(z.string(), quantity());
const seconds = (min = 1) => z.int().min(min).max(2_147_483);
const IN_PROCESS = 'Node takes care of it';
const NO_EGRESS = 'this server starts no egress container';
const NO_STORE = 'all state is in the Kubernetes API';
const NO_DOCKER = 'this server runs on Kubernetes only';

const server = z.object({
  host: z.string().min(1).default('0.0.0.0').describe('Address to listen on.'),
  port: z.int().min(0).max(65535).default(8080).describe('Port to listen on; 0 lets the system choose.'),
  api_key: z.string().min(1).optional().describe('The API key. Better in a file of its own: api_key_file.').meta({ secret: true }),
  api_key_file: z.string().min(1).optional().describe('Ours. File with API keys, one a line; read again when it changes.'),
  token_key_file: z.string().min(1).optional().describe('Ours. File with the secret that access tokens are derived from; the same for all replicas. Default: derived from the API keys.'),
  eip: z.string().min(1).optional().describe('Host, with port where needed, of endpoints that go through the proxy. Default: that of the request.'),
  max_sandbox_timeout_seconds: z.int().min(60).optional().describe('Longest timeout of a create. Default: none.'),
  max_concurrent_creates: z.int().min(1).default(256).describe('Ours. Most creates under way for one key.'),
  cors_origins: z.array(z.string().min(1)).default([]).describe('Ours. Origins of web pages that may call; none by default.'),
  metrics_port: z.int().min(0).max(65535).default(9090).describe('Ours. Port of /metrics; 0 is off.'),
  timeout_keep_alive: seconds().default(30).describe('Seconds that an idle connection stays open.'),
  timeout_graceful_shutdown: seconds().default(5).describe('Seconds that requests under way have when the server ends.'),
  backlog: unused(z.int().min(1), IN_PROCESS),
  thread_pool_size: unused(z.int().min(1), IN_PROCESS),
  limit_concurrency: unused(z.int().min(0), 'limits are by key, see max_concurrent_creates'),
  loop: unused(z.enum(['auto', 'uvloop', 'asyncio']), 'it is of Python'),
  http: unused(z.enum(['auto', 'httptools', 'h11']), 'it is of Python'),
  log_level: unused(z.string(), 'it is log.level'),
});

const log = z.object({
  level: z.string().regex(/^(?:trace|debug|info|warn|warning|error|critical)$/i).default('INFO').describe('How much is logged: debug, info, warning or error.').meta({ expected: 'debug, info, warning or error' }),
  file_enabled: unused(z.boolean(), 'the log goes to standard error'),
  file_path: unused(z.string(), 'the log goes to standard error'),
  access_file_path: unused(z.string(), 'the log goes to standard error'),
  file_max_bytes: unused(z.int().min(1), 'the log goes to standard error'),
  file_backup_count: unused(z.int().min(0), 'the log goes to standard error'),
});

const runtime = z.object({
  type: z.literal('kubernetes').default('kubernetes').describe('Runtime; Docker is not offered.'),
  execd_image: z.string().min(1).optional().describe('Image of the executor, which goes beside the container of a sandbox without a pool. Default: the one of this version.'),
  execd_access_token_file: z.string().min(1).optional().describe('Ours. File with the access token of executors, which endpoints tell; of several, one a line, the first. Read again when it changes. Default: executors ask nobody.'),
  execd_access_token_secret: z.string().min(1).optional().describe('Ours. Secret in the namespace of the sandboxes that executors of sandboxes without a pool get that token from. Default: none, and they ask nobody.'),
  execd_access_token_key: z.string().min(1).default('token').describe('Ours. Key of that Secret.'),
  execd_run_as_init: unused(z.boolean(), 'the executor is a container of its own'),
});

const secureRuntime = z.object({
  type: z.enum(['', 'gvisor', 'kata']).default('').describe('Kind of isolation of sandboxes without a pool, and of pools made over REST; empty is the default of the cluster.'),
  k8s_runtime_class: z.string().min(1).optional().describe('RuntimeClass of their pods; needed when type is set. A pool made over REST that names none has it, and may name no other.'),
  docker_runtime: unused(z.string(), NO_DOCKER),
});

const kubernetes = z.object({
  kubeconfig_path: z.string().min(1).optional().describe('Kubeconfig. Default: KUBECONFIG, else the service account of the pod.'),
  insecure_skip_tls_verify: z.literal(false).optional().describe('Only false: the certificate of the API server is always checked.'),
  namespace: z.string().min(1).optional().describe('Namespace of sandboxes and pools. Default: that of the pod or of the kubeconfig.'),
  workload_provider: z.string().regex(/^batchsandbox$/i).default('batchsandbox').describe('What a sandbox is made of; agent-sandbox is not offered yet.').meta({ expected: "'batchsandbox'" }),
  batchsandbox_template_file: z.string().min(1).optional().describe('YAML file with a pod template that sandboxes without a pool are made from; read once at start.'),
  image_pull_policy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent').describe('When images of sandboxes without a pool are pulled.'),
  sandbox_create_timeout_seconds: seconds().default(25).describe('Longest wait of a create; SDKs give up after 30.'),
  pool_acquisition_timeout_seconds: seconds().default(3).describe('How long a create waits for a pod to come back to a pool that is full and may not grow; it does not wait where sandboxes have all pods and none gave one back for so long.'),
  platform_check: z.boolean().default(true).describe('Ours. Whether a platform that no node has is refused at once, for which the server may list nodes; false where the first node of a platform is made on demand.'),
  read_qps: z.number().min(0).default(0).describe('Reads of single objects a second; 0 is no limit.'),
  write_qps: z.number().min(0).default(0).describe('Requests to the API server a second; 0 is no limit.'),
  write_burst: z.int().min(0).default(0).describe('Requests that may go out at once; 0 is write_qps.'),
  read_burst: unused(z.int().min(0), 'reads come from a watch'),
  sandbox_create_poll_interval_seconds: unused(z.number().positive(), 'nothing is polled'),
  snapshot_create_timeout_seconds: unused(z.int().min(1), 'there are no snapshots yet'),
  informer_enabled: unused(z.boolean(), 'reads always come from a watch'),
  informer_resync_seconds: unused(z.int().min(1), 'a complete list comes every 10 minutes'),
  informer_watch_timeout_seconds: unused(z.int().min(1), 'a watch lasts 5 to 10 minutes'),
  service_account: unused(z.string(), 'it is of the provider agent-sandbox'),
  execd_init_resources: z
    .object({ limits: amounts().optional(), requests: amounts().optional() })
    .optional()
    .describe('Resources of the executor of sandboxes without a pool. Default: 50m CPU and 64Mi requested, 500m and 256Mi the limits.'),
});

const ingress = z.object({
  mode: z.enum(['direct', 'gateway']).default('direct').describe('How endpoints are reached: at the address of the pod, or through a gateway.'),
  gateway: z
    .object({
      address: z.string().min(1).describe('Where the gateway is, without scheme; *.domain with route mode wildcard.'),
      route: z.object({ mode: z.enum(['wildcard', 'header', 'uri']).describe('What says which sandbox and port are meant: host name, header or path.') }),
    })
    .optional(),
  secure_access: z
    .object({
      active_key: z.string().regex(/^[0-9a-z]$/).meta({ expected: 'one character of 0-9 and a-z' }),
      keys: z.array(z.object({ key_id: z.string().regex(/^[0-9a-z]$/).meta({ expected: 'one character of 0-9 and a-z' }), key: z.base64().min(1).meta({ expected: 'base64', secret: true }) })).min(1),
    })
    .optional()
    .describe('Keys that sign routes that end.'),
});

const storage = z.object({
  allowed_host_paths: z.array(z.string().regex(/^\//).meta({ expected: 'an absolute path' })).default([]).describe('Directories of nodes that volumes may mount, with what is below; none by default.'),
  volume_default_size: quantity().default('1Gi').describe('Size of a PersistentVolumeClaim that is made without one.'),
  ossfs_mount_root: unused(z.string(), NO_DOCKER),
});

const egress = z.object({
  image: unused(z.string(), NO_EGRESS),
  mode: unused(z.enum(['dns', 'dns+nft']), NO_EGRESS),
  disable_ipv6: unused(z.boolean(), NO_EGRESS),
  otlp_endpoint: unused(z.string(), NO_EGRESS),
  requests: unused(amounts(), NO_EGRESS),
  limits: unused(amounts(), NO_EGRESS),
  readiness_timeout_seconds: unused(z.int().min(1), NO_EGRESS),
  upstream_proxy: unused(z.record(z.string(), z.unknown()), NO_EGRESS),
});

const pools = z.object({
  allow_privileged: z.boolean().default(false).describe('Ours. Whether a pool made over REST may ask for privileged pods, host namespaces, host paths, Secrets and the like.'),
});

const renewIntent = z.object({
  enabled: z.boolean().default(false).describe('Whether an access through the proxy renews sandboxes that asked for it.'),
  min_interval_seconds: seconds().default(60).describe('Shortest time between two renewals of a sandbox.'),
  redis: unused(z.record(z.string(), z.unknown()), 'intents come through the proxy alone'),
});

const proxy = z.object({ resolve_internal: unused(z.boolean(), 'the proxy always goes to the address of the pod') });
const docker = z.record(z.string(), z.unknown());

export const serverConfig = z.object({
  server,
  log,
  runtime,
  secure_runtime: secureRuntime,
  kubernetes,
  ingress,
  storage,
  egress,
  pools,
  renew_intent: renewIntent,
  proxy,
  store: unused(z.record(z.string(), z.unknown()), NO_STORE),
  otel: unused(z.record(z.string(), z.unknown()), 'metrics are read at /metrics'),
  docker: unused(docker, NO_DOCKER),
  agent_sandbox: unused(z.record(z.string(), z.unknown()), 'that provider is not offered yet'),
  tenants: z.undefined().optional().describe('Refused: this server has one tenant.').meta({ expected: 'nothing, since this server has one tenant' }),
});

/** The configuration in force. */
export type ServerConfig = z.output<typeof serverConfig>;

/** The RuntimeClass that sandboxes run in; undefined where that is the default of the cluster. */
export function runtimeClassOf({ secure_runtime: { type, k8s_runtime_class: name } }: Pick<ServerConfig, 'secure_runtime'>): string | undefined {
  return type === '' ? undefined : name;
}
