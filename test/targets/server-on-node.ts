import { randomBytes } from 'node:crypto';
import { type Chart, Yaml } from 'cdk8s';
import { Secret } from 'cdk8s-plus-28';
import { ServerAuth, type ServerOptions } from '../../src';
import { Port } from '../../src/schema/names';
import { type AuditedRequest, auditOf } from '../cluster/audit';
import { OPERATOR_NAMESPACE, SERVER_NAME, SERVER_USER } from '../support/operator-identity';
import type { KubectlAccess } from '../support/run-kubectl';
import { installDeployment, kubectl, runtimeObjects } from './operator-on-node';

/** Secret with the API key. */
const KEYS = 'server-keys';
/** Secret with the token of executors. */
export const EXECUTOR_TOKEN = 'executor-token';

/** The lifecycle server on a node. */
export interface ServerOnNode {
  /** Address of its pod, with port: nothing routes Services here. */
  readonly domain: string;
  readonly apiKey: string;
  /** What it has logged so far. */
  log(): Promise<string>;
  /** What it has asked of the API server so far. */
  requests(): Promise<readonly AuditedRequest[]>;
  /** Removes it, before the namespace of its sandboxes goes. */
  stop(): Promise<void>;
}

/** Where a server on a node has its sandboxes. */
export interface ServerPlace {
  /** Their namespace. */
  readonly namespace: string;
  /**
   * Token that executors ask for. Secrets named {@link EXECUTOR_TOKEN} hold it, in that namespace too, under the key `token`.
   *
   * @default - the server knows of none
   */
  readonly executorToken?: string;
}

/** Has a node with the operator run the server too, as one pod, from what the same SandboxRuntime renders when it is asked for one. */
export async function startServerOnNode(cluster: KubectlAccess, { namespace: sandboxNamespace, executorToken }: ServerPlace): Promise<ServerOnNode> {
  const apiKey = randomBytes(24).toString('base64url');
  const secretOf = (name: string, namespace: string, stringData: object) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });
  const executorTokens = executorToken === undefined ? [] : [OPERATOR_NAMESPACE, sandboxNamespace].map((namespace) => secretOf(EXECUTOR_TOKEN, namespace, { token: `${executorToken}\n` }));
  const optionsOf = (chart: Chart): ServerOptions => ({
    auth: ServerAuth.apiKeys(Secret.fromSecretName(chart, 'keys', KEYS)),
    sandboxNamespace,
    replicas: 1,
    ...(executorToken !== undefined && { executorAccessToken: { secret: Secret.fromSecretName(chart, 'executor-token', EXECUTOR_TOKEN) } }),
  });
  const rendered = runtimeObjects({ server: optionsOf });
  // The rest is there, and other tests replace the operator meanwhile.
  const manifest = Yaml.stringify(secretOf(KEYS, OPERATOR_NAMESPACE, { 'api-keys': `${apiKey}\n` }), ...executorTokens, ...rendered.filter(({ metadata }) => metadata.name.endsWith(SERVER_NAME)));
  const inNamespace = (...args: string[]) => kubectl(cluster, [...args, `--namespace=${OPERATOR_NAMESPACE}`, `--selector=app.kubernetes.io/name=${SERVER_NAME}`]);
  const stop = async () => {
    // Its rights go after it: what it asks until its end is refused to nobody.
    await kubectl(cluster, ['delete', 'deployment', SERVER_NAME, '--ignore-not-found', '--cascade=foreground', `--namespace=${OPERATOR_NAMESPACE}`]);
    await kubectl(cluster, ['delete', '--ignore-not-found', '--filename=-'], manifest);
  };
  try {
    await installDeployment(cluster, manifest, SERVER_NAME);
    const address = await inNamespace('get', 'pods', '--output=jsonpath={.items[0].status.podIP}');
    return {
      domain: `${address}:${Port.server}`,
      apiKey,
      log: () => inNamespace('logs', '--tail=-1'),
      requests: async () => (await auditOf(cluster)).filter(({ user }) => user === SERVER_USER),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
