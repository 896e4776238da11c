import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Yaml } from 'cdk8s';
import { SandboxRuntime } from '../../src';
import { ApiClient } from '../support/api-client';
import { OPERATOR_NAME, OPERATOR_NAMESPACE } from '../support/operator-identity';
import { runKubectl } from '../support/run-kubectl';
import { Space } from '../support/space';
import { type Manifest, objectsOf } from '../support/synth';
import { until } from '../support/waiting';
import { type AuditedRequest, auditOf } from './audit';
import { OperatorReplica } from './operator-replica';
import { type ControlPlane, startControlPlane } from './real-cluster';

const SECRETS = `/api/v1/namespaces/${OPERATOR_NAMESPACE}/secrets`;
const TOKENS = `/api/v1/namespaces/${OPERATOR_NAMESPACE}/serviceaccounts/${OPERATOR_NAME}/token`;
/** The API server remembers for 10 s that a token is good. */
const REFUSED_WITHIN_MS = 30_000;
/** The shortest life of a token that the API server grants, in seconds. */
const TOKEN_SECONDS = 600;

/** A token and the Secret that it is bound to. */
interface Token {
  readonly secret: string;
  readonly text: string;
}

/** The output of a SandboxRuntime in real Kubernetes with a simulated node, and operator processes with its rights. */
export class RuntimeInCluster {
  private readonly replicas: OperatorReplica[] = [];
  /** Tokens of each replica, the newest last. */
  private readonly tokens = new Map<OperatorReplica, readonly Token[]>();

  private constructor(
    readonly cluster: ControlPlane,
    private readonly client: ApiClient,
    /** The namespace that the operator serves. */
    readonly space: Space,
    /** What SandboxRuntime renders. */
    readonly objects: readonly Manifest[],
  ) {}

  static async start(): Promise<RuntimeInCluster> {
    const cluster = await startControlPlane({ simulatedNodes: 1 });
    const client = new ApiClient(cluster.kubeconfigPath);
    try {
      const space = await Space.create({
        request: (...args) => client.request(...args),
        kubectl: (args, input) => runKubectl(cluster, args, input),
        podTemplate: () => ({ spec: { containers: [{ name: 'main', image: 'none' }] } }),
      });
      const objects = objectsOf((chart) => new SandboxRuntime(chart, 'runtime', { createNamespace: true, watchNamespaces: [space.namespace] }), { namespace: OPERATOR_NAMESPACE });
      return new RuntimeInCluster(cluster, client, space, objects);
    } catch (error) {
      await client.close();
      await cluster.stop();
      throw error;
    }
  }

  get manifest(): string {
    return Yaml.stringify(...this.objects);
  }

  kubectl(args: readonly string[], input?: string) {
    return this.space.target.kubectl(args, input);
  }

  /** Starts one more replica of the operator, with further flags, and waits until it is ready. */
  async startReplica(flags?: readonly string[]): Promise<OperatorReplica> {
    const deployment = this.objects.find(({ kind }) => kind === 'Deployment');
    if (deployment === undefined) throw new Error('manifest: expected a Deployment, got none');
    const ca = await readFile(join(this.cluster.folder, 'server.crt'), 'utf8');
    const token = await this.createToken();
    const replica = await OperatorReplica.start({ cluster: this.cluster, deployment, ca, token: token.text }, this.replicas.length, flags);
    this.replicas.push(replica);
    this.tokens.set(replica, [token]);
    await until(async () => expect(await replica.isReady()).toBe(true));
    return replica;
  }

  /** The replica that acts, once one does. */
  leaderOf(replicas: readonly OperatorReplica[], withinMs?: number): Promise<OperatorReplica> {
    return until(async () => {
      for (const replica of replicas) if (await replica.isLeading()) return replica;
      throw new Error(`leader: expected one of ${replicas.map(({ name }) => name).join(', ')}, got none`);
    }, withinMs);
  }

  /** Gives a replica a new token as the kubelet does, and ends the life of the one before; resolves when the API server refuses that. */
  async rotateToken(replica: OperatorReplica): Promise<void> {
    const tokens = this.tokensOf(replica);
    const old = tokens.at(-1);
    const next = await this.createToken();
    this.tokens.set(replica, [...tokens, next]);
    await replica.replaceToken(next.text);
    // As with the kubelet, which replaces a token long before its end: what is on the way with the old one arrives.
    await until(async () => expect((await this.requestsOf(replica)).some(({ credential }) => credential === credentialOf(next.text))).toBe(true));
    await this.client.request('DELETE', `${SECRETS}/${old?.secret}`);
    await until(async () => expect((await this.kubectl([`--token=${old?.text}`, 'get', '--raw=/version'])).stderr).toContain('must be logged in'), REFUSED_WITHIN_MS);
  }

  /** The requests of a replica that the API server has answered so far. */
  async requestsOf(replica: OperatorReplica): Promise<readonly AuditedRequest[]> {
    const credentials = this.tokensOf(replica).map(({ text }) => credentialOf(text));
    return (await auditOf(this.cluster)).filter(({ credential }) => credentials.includes(credential));
  }

  private tokensOf(replica: OperatorReplica): readonly Token[] {
    return this.tokens.get(replica) ?? [];
  }

  /** A token of the operator's service account, bound to a Secret of its own: it lives as long as that. */
  private async createToken(): Promise<Token> {
    const secret = await this.post<{ readonly metadata: { readonly name: string; readonly uid: string } }>(SECRETS, { metadata: { generateName: 'token-' } });
    const { name, uid } = secret.metadata;
    const spec = { expirationSeconds: TOKEN_SECONDS, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid } };
    const { status } = await this.post<{ readonly status: { readonly token: string } }>(TOKENS, { spec });
    return { secret: name, text: status.token };
  }

  private async post<T>(path: string, object: object): Promise<T> {
    const { status, body } = await this.client.request<T>('POST', path, object);
    if (status !== 201) throw new Error(`POST ${path}: expected status 201, got ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.end('SIGKILL')));
    await this.client.close();
    await this.cluster.stop();
  }
}

/** What the API server's audit log calls a token. */
function credentialOf(token: string): string {
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { readonly jti: string };
  return `JTI=${jti}`;
}
