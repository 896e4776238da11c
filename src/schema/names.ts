/**
 * Every name that stands in a manifest or on the wire.
 *
 * @see shared/reference/resources.md section 2 (wire contract of OpenSandbox)
 */

/** API group of all kinds. */
export const GROUP = 'sandbox.opensandbox.io';
/** The one served and stored version. */
export const VERSION = 'v1alpha1';
/** `apiVersion` of all our objects. */
export const API_VERSION = `${GROUP}/${VERSION}`;

/** Label keys. */
export const Label = {
  /** On a pod of a batch without a pool: name of the batch. Written by the operator, read by it after a restart and by people. */
  batchName: 'batch-sandbox.sandbox.opensandbox.io/name',
  /** On a pod of a batch without a pool: slot number as text. Written and read by the operator. */
  podIndex: 'batch-sandbox.sandbox.opensandbox.io/pod-index',
  /** On a pod of a pool: name of the Pool. Written by the operator, read by it and by people. */
  poolName: 'sandbox.opensandbox.io/pool-name',
  /** On a pod of a pool: template revision at creation, 16 hex characters. Written and read by the operator. */
  poolRevision: 'sandbox.opensandbox.io/pool-revision',
  /** On a pod of a pool: its presence asks for eviction. Written by people, read by the operator. */
  evict: 'pool.opensandbox.io/evict',
  /** On a batch that a lifecycle server made: id of the sandbox, which is its name too. Written and read by servers. */
  sandboxId: 'opensandbox.io/id',
  /** On such a batch: `true` when it has no expiry. Written by servers, read by people. */
  manualCleanup: 'opensandbox.io/manual-cleanup',
} as const;

/** Annotation keys; the operator's are output and are never read back as truth. */
export const Annotation = {
  /** On a batch: JSON array of IPs, element i is slot i, `""` while unknown. Read by clients, server and ingress. */
  endpoints: 'sandbox.opensandbox.io/endpoints',
  /** On a batch: `{"pods":[…]}`, held pods in slot order. A mirror for people and older readers. */
  allocStatus: 'sandbox.opensandbox.io/alloc-status',
  /** On a batch: `{"pods":[…]}`, pods to give back. A user's request, or the operator's note of its own. */
  allocRelease: 'sandbox.opensandbox.io/alloc-release',
  /** On a batch: `{"pods":[…]}`, pods whose recycle has finished. Written by the operator. */
  allocReleased: 'sandbox.opensandbox.io/alloc-released',
  /** On a batch: JSON array of mirror keys that were left out for size. Written by the operator. */
  mirrorOmitted: 'sandbox.opensandbox.io/mirror-omitted',
  /** On a pod of a pool while it restarts: JSON of what restarts, for whom and since when. Written by the operator, read by it after a restart. */
  restartRecord: 'sandbox.opensandbox.io/restart-record',
  /** On a Pool: JSON of how its pods restart. Written by people, read by the operator at every attempt. */
  restartConfig: 'sandbox.opensandbox.io/restart-config',
  /** On a batch of a lifecycle server: the entrypoint that was asked for, as a JSON array. Written and read by servers. */
  entrypoint: 'opensandbox.io/entrypoint',
  /** On such a batch of a pool: servers delete it at this time, in RFC 3339, when it has no address until then. Written and read by servers. */
  deliverBy: 'opensandbox.io/deliver-by',
  /** On such a batch until its create has been answered: servers delete it at this time, in RFC 3339. Written, removed and read by servers. */
  confirmBy: 'opensandbox.io/confirm-by',
  /** On such a batch: SHA-256 of the request that made it, by which a repeated one is known. Written and read by servers. */
  requestDigest: 'opensandbox.io/request-digest',
  /** On such a batch: seconds that an access adds to its life. Written by servers. */
  accessRenewSeconds: 'opensandbox.io/access-renew-extend-seconds',
  /** On such a batch: `true` when its endpoints ask for a token. Written and read by servers. */
  secureAccess: 'opensandbox.io/secure-access',
} as const;

/** Finalizers. */
export const Finalizer = {
  /** On a batch while it has tasks that could still run. */
  taskCleanup: 'batch-sandbox.sandbox.opensandbox.io/task-cleanup',
  /** On a batch while it holds pods of a pool, or some are returning. */
  poolAllocation: 'pool.sandbox.opensandbox.io/pool-allocation',
  /** On a Pool until no batch holds a pod of it. */
  poolDrain: 'pool.sandbox.opensandbox.io/drain',
} as const;

/** Ports, in numbers. */
export const Port = {
  /** Task executor in the sandbox pod. */
  executor: 5758,
  /** Commands and files in the sandbox, for the public SDKs. */
  execd: 44772,
  /** Lifecycle server. */
  server: 8080,
  /** Metrics of the lifecycle server. */
  serverMetrics: 9090,
  /** Health endpoints of the operator. */
  operatorHealth: 8081,
  /** Metrics of the operator. */
  operatorMetrics: 8443,
} as const;

/** Environment variables that cross a program's border. */
export const EnvVar = {
  /** On the sandbox container: its own name; how an executor in sidecar mode finds it. Written by constructs and operator. */
  mainContainer: 'SANDBOX_MAIN_CONTAINER',
  /** In every process of a task: the task's identity. Written and read by the executor. */
  taskId: 'SANDBOX_TASK_ID',
  /** In the operator: its own namespace, from the downward API. */
  podNamespace: 'POD_NAMESPACE',
  /** In the operator: how many returned pods it restarts at once. */
  recyclePodConcurrency: 'RECYCLE_POD_CONCURRENCY',
  /** In every command of a sandbox: path of a file of further variables, which SDKs write. Set by whoever makes the pod. */
  execdEnvs: 'EXECD_ENVS',
  /** In the executor: UID of its pod, from the downward API; the audience of signed requests. */
  podUid: 'POD_UID',
  /** In the executor: public keys in PEM that requests must be signed for. Written by the operator into the pods that it makes. */
  authPublicKey: 'AUTH_PUBLIC_KEY',
} as const;

/** Front of the annotations that a lifecycle server copies from the extensions of a create. */
export const EXTENSION_ANNOTATION_PREFIX = 'opensandbox.io/extensions.';
/** User agent and field manager of the lifecycle server. */
export const SERVER_AGENT = 'opensandbox-server/1.0';

/** Labels of the operator's pods, by which its Services and policies find them. */
export const OPERATOR_LABELS = { 'control-plane': 'controller-manager', 'app.kubernetes.io/name': 'cdk8s-sandboxes' } as const;
/** Labels of the lifecycle server's pods, by which its Service finds them. */
export const SERVER_LABELS = { 'app.kubernetes.io/name': 'opensandbox-server', 'app.kubernetes.io/part-of': 'cdk8s-sandboxes' } as const;

/** Longest name of a Pool or batch, in characters: it becomes a label value and the front of pod names. */
export const MAX_NAME_LENGTH = 63;
/** Name of the executor container that the constructs add. */
export const EXECUTOR_CONTAINER = 'task-executor';
/** Value of `poolRef` that asks for any Pool that suits; the operator writes the name of the one that it has chosen in its place. */
export const ANY_POOL = '*';
/** ConfigMap in the operator's namespace that says how a Pool is chosen; written by people and our constructs, read by the operator. */
export const ASSIGN_PROFILES = 'pool-assign-profiles';
/** Key of that ConfigMap under which the profiles stand, as JSON. */
export const ASSIGN_PROFILES_KEY = 'profiles';
/** Lease of the operators; the same as the existing implementation's, so that the two never act together. */
export const LEASE_NAME = '2fa1c467.opensandbox.io';
/** Secret in the operator's namespace that holds its signing key; rendered empty by our constructs, filled by the operator. */
export const SIGNING_SECRET = 'opensandbox-executor-signing-key';
/** Key of that Secret under which the operator's private keys stand. */
export const SIGNING_SECRET_KEY = 'private.pem';
/** User agent and field manager of the operator. */
export const OPERATOR_AGENT = 'sandbox-k8s-controller/1.0';
