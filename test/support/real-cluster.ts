import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { selfSignedCertificate } from '../../local/api/certificate';
import { renderKubeconfig } from '../../local/api/kubeconfig';
import { clustersRoot, createClusterFolder, sweepDeadClusters } from '../../local/cluster-folder';
import { startReaper } from '../../local/reaper';
import { buildKubernetes, buildKwok } from '../cluster/programs';
import { ApiClient } from './api-client';
import { ClusterPrograms } from './cluster-programs';
import { addSimulatedNodes, kwokFlags } from './simulated-nodes';
import { until } from './waiting';

/** Longest start of the control plane, in ms; it takes 3 s on an idle machine. */
const START_WITHIN_MS = 60_000;
/** Services have addresses, though nothing routes to them without a node. */
const SERVICE_ADDRESSES = '10.96.0.0/16';
/** Requests a second of each controller and the scheduler. Their default of 20 would be what a test measures. */
const QPS_FLAGS = ['--kube-api-qps=500', '--kube-api-burst=1000'];

export interface ControlPlaneOptions {
  /** Nodes simulated by kwok, whose pods are Ready at once and run nothing. @default 0 */
  readonly simulatedNodes?: number;
}

/** Real Kubernetes without nodes, on a loopback address of its own. */
export interface ControlPlane {
  readonly url: string;
  /** Token of a cluster administrator. */
  readonly token: string;
  /** Kubeconfig of the same administrator. */
  readonly kubeconfigPath: string;
  /** Everything that the cluster keeps on disk, with `<part>.log` for each part. */
  readonly folder: string;
  /** The program that is kubectl of the same version when its first argument is `kubectl`. */
  readonly program: string;
  /**
   * Ends every process and removes every file.
   *
   * @throws Error when something is left nevertheless
   */
  stop(): Promise<void>;
}

/**
 * Starts etcd, API server, controller manager and scheduler, with RBAC and without anonymous access.
 *
 * When this process ends in whatever way, theirs and their files go too: see {@link startReaper}.
 *
 * @throws Error when a part does not start; what was started has been ended then
 */
export async function startControlPlane({ simulatedNodes = 0 }: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const program = await buildKubernetes();
  const kwok = simulatedNodes > 0 ? await buildKwok() : undefined;
  const root = clustersRoot();
  await sweepDeadClusters(root);
  const { id, path: folder } = await createClusterFolder(root);
  const reaper = await startReaper(root, id);
  const programs = new ClusterPrograms(folder, id);
  const stop = async () => {
    programs.expectEnd();
    await reaper.finish();
    await programs.ended();
  };
  try {
    const access = await writeAccess(folder);
    const startParts = async () => {
      await startKubernetes(access, program, programs);
      if (kwok === undefined) return;
      programs.start('kwok', [kwok, ...kwokFlags(access.kubeconfigPath)]);
      await withClient(access.kubeconfigPath, (client) => addSimulatedNodes(client, simulatedNodes));
    };
    await Promise.race([startParts(), programs.failed]);
    return { url: access.url, token: access.token, kubeconfigPath: access.kubeconfigPath, folder, program, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Addresses, and the files by which the parts know each other. */
interface Access {
  readonly folder: string;
  readonly address: string;
  readonly url: string;
  readonly token: string;
  readonly kubeconfigPath: string;
}

async function writeAccess(folder: string): Promise<Access> {
  // An address of its own makes fixed ports free. Embedded clusters stay below 127.250, simulated pods within it.
  const address = `127.${randomInt(251, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const url = `https://${address}:6443`;
  const { cert, key } = selfSignedCertificate(address, new Date());
  const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  const users = [
    { file: 'kubeconfig', name: 'admin', group: 'system:masters' },
    { file: 'controller-manager.kubeconfig', name: 'system:kube-controller-manager', group: '' },
    { file: 'scheduler.kubeconfig', name: 'system:kube-scheduler', group: '' },
  ].map((user) => ({ ...user, token: randomBytes(16).toString('hex') }));
  const write = (file: string, text: string) => writeFile(join(folder, file), text, { mode: 0o600 });
  await Promise.all([
    write('server.crt', cert),
    write('server.key', key),
    write('accounts.pub', accounts.publicKey),
    write('accounts.key', accounts.privateKey),
    write('tokens.csv', users.map(({ token, name, group }) => `${token},${name},${name},${group}\n`).join('')),
    ...users.map(({ file, token }) => write(file, renderKubeconfig({ url, token, ca: cert }))),
  ]);
  return { folder, address, url, token: users[0]?.token ?? '', kubeconfigPath: join(folder, 'kubeconfig') };
}

/** Starts the parts in the order of their needs: the controller manager gives up after 10 s without an API server. */
async function startKubernetes({ folder, address, kubeconfigPath }: Access, program: string, programs: ClusterPrograms): Promise<void> {
  const inFolder = (file: string) => join(folder, file);
  const etcd = `http://${address}:2379`;
  const peer = `http://${address}:2380`;
  const start = (part: string, flags: readonly string[]) => programs.start(part, [program, part, ...flags]);
  start('etcd', [
    `--data-dir=${inFolder('etcd')}`,
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync', // nothing is to survive the machine
    '--log-level=warn',
  ]);
  start('kube-apiserver', [
    `--etcd-servers=${etcd}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    '--secure-port=6443',
    `--tls-cert-file=${inFolder('server.crt')}`,
    `--tls-private-key-file=${inFolder('server.key')}`,
    `--token-auth-file=${inFolder('tokens.csv')}`,
    '--anonymous-auth=false',
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${inFolder('accounts.pub')}`,
    `--service-account-signing-key-file=${inFolder('accounts.key')}`,
    `--service-cluster-ip-range=${SERVICE_ADDRESSES}`,
    '--endpoint-reconciler-type=none', // a loopback address is refused as an endpoint
  ]);
  await withClient(kubeconfigPath, async (client) => {
    await until(() => expectOk(client, '/readyz'), START_WITHIN_MS);
    start('kube-controller-manager', [
      `--kubeconfig=${inFolder('controller-manager.kubeconfig')}`,
      `--service-account-private-key-file=${inFolder('accounts.key')}`,
      `--root-ca-file=${inFolder('server.crt')}`,
      '--use-service-account-credentials',
      '--leader-elect=false',
      '--secure-port=0',
      ...QPS_FLAGS,
    ]);
    start('kube-scheduler', [`--kubeconfig=${inFolder('scheduler.kubeconfig')}`, '--leader-elect=false', '--secure-port=0', ...QPS_FLAGS]);
    // The controller manager works when it has made this, and pods cannot be created before.
    await until(() => expectOk(client, '/api/v1/namespaces/default/serviceaccounts/default'), START_WITHIN_MS);
  });
}

async function expectOk(client: ApiClient, path: string): Promise<void> {
  const { status, body } = await client.request('GET', path);
  if (status !== 200) throw new Error(`GET ${path}: expected status 200, got ${status}: ${JSON.stringify(body)}`);
}

async function withClient(kubeconfigPath: string, work: (client: ApiClient) => Promise<void>): Promise<void> {
  const client = new ApiClient(kubeconfigPath);
  try {
    await work(client);
  } finally {
    await client.close();
  }
}
