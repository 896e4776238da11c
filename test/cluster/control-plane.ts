import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { selfSignedCertificate } from '../../local/api/certificate';
import { renderKubeconfig } from '../../local/api/kubeconfig';
import { ApiClient } from '../support/api-client';
import type { ClusterPrograms } from '../support/cluster-programs';
import { until } from '../support/waiting';
import { AUDIT_POLICY_FILE, auditFlags, renderAuditPolicy } from './audit';
import { NODE_NAME } from './node/kubelet';

/** Longest start of the control plane, in ms; it takes 3 s on an idle machine. */
const START_WITHIN_MS = 60_000;
/** Requests a second of each controller and the scheduler. Their default of 20 would be what a test measures. */
const QPS_FLAGS = ['--kube-api-qps=500', '--kube-api-burst=1000'];

/** Where a control plane listens. */
export interface ControlPlaneAddresses {
  /** Loopback address of etcd. */
  readonly etcd: string;
  readonly api: string;
  readonly apiPort: number;
  /** Range of addresses of Services. */
  readonly services: string;
  /** Address of the node, for the certificate. @default - there is none */
  readonly node?: string;
}

/** What a client needs, as files in the cluster's folder. */
export interface Access {
  readonly url: string;
  /** Token of a cluster administrator. */
  readonly token: string;
  /** Kubeconfig of the same administrator. */
  readonly kubeconfigPath: string;
}

/** Users of a cluster, each with a kubeconfig. */
const USERS = [
  { file: 'kubeconfig', name: 'admin', group: 'system:masters' },
  { file: 'controller-manager.kubeconfig', name: 'system:kube-controller-manager', group: '' },
  { file: 'scheduler.kubeconfig', name: 'system:kube-scheduler', group: '' },
  { file: 'kubelet.kubeconfig', name: `system:node:${NODE_NAME}`, group: 'system:nodes' },
];

/** Writes keys, tokens and kubeconfigs into the folder. */
export async function writeAccess(folder: string, { api, apiPort, node }: ControlPlaneAddresses): Promise<Access> {
  const url = `https://${api}:${apiPort}`;
  const { cert, key } = selfSignedCertificate([api, ...(node === undefined ? [] : [node])], new Date());
  const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  const users = USERS.map((user) => ({ ...user, token: randomBytes(16).toString('hex') }));
  const write = (file: string, text: string) => writeFile(join(folder, file), text, { mode: 0o600 });
  await Promise.all([
    write('server.crt', cert),
    write('server.key', key),
    write('accounts.pub', accounts.publicKey),
    write('accounts.key', accounts.privateKey),
    write(AUDIT_POLICY_FILE, renderAuditPolicy()),
    write('tokens.csv', users.map(({ token, name, group }) => `${token},${name},${name},${group}\n`).join('')),
    ...users.map(({ file, token }) => write(file, renderKubeconfig({ url, token, ca: cert }))),
  ]);
  return { url, token: users[0]?.token ?? '', kubeconfigPath: join(folder, 'kubeconfig') };
}

/** Starts the parts in the order of their needs: the controller manager gives up after 10 s without an API server. */
export async function startKubernetes(folder: string, addresses: ControlPlaneAddresses, program: string, programs: ClusterPrograms): Promise<void> {
  const inFolder = (file: string) => join(folder, file);
  const start = (part: string, flags: readonly string[]) => programs.start(part, [program, part, ...flags]);
  start('etcd', etcdFlags(addresses, inFolder));
  start('kube-apiserver', apiServerFlags(addresses, inFolder));
  await withClient(inFolder('kubeconfig'), async (client) => {
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

function etcdFlags({ etcd }: ControlPlaneAddresses, inFolder: (file: string) => string): readonly string[] {
  const client = `http://${etcd}:2379`;
  const peer = `http://${etcd}:2380`;
  return [
    `--data-dir=${inFolder('etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync', // nothing is to survive the machine
    '--log-level=warn',
  ];
}

function apiServerFlags({ etcd, api, apiPort, services, node }: ControlPlaneAddresses, inFolder: (file: string) => string): readonly string[] {
  return [
    `--etcd-servers=http://${etcd}:2379`,
    `--bind-address=${api}`,
    `--advertise-address=${api}`,
    `--secure-port=${apiPort}`,
    `--tls-cert-file=${inFolder('server.crt')}`,
    `--tls-private-key-file=${inFolder('server.key')}`,
    `--token-auth-file=${inFolder('tokens.csv')}`,
    '--anonymous-auth=false',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement', // the second asks for a right that some clusters ask for
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${inFolder('accounts.pub')}`,
    `--service-account-signing-key-file=${inFolder('accounts.key')}`,
    `--service-cluster-ip-range=${services}`,
    ...auditFlags(inFolder),
    ...(node === undefined
      ? ['--endpoint-reconciler-type=none'] // a loopback address is refused as an endpoint
      : [
          // For logs, exec and port-forward. The kubelet has the same certificate.
          `--kubelet-certificate-authority=${inFolder('server.crt')}`,
          `--kubelet-client-certificate=${inFolder('server.crt')}`,
          `--kubelet-client-key=${inFolder('server.key')}`,
          '--kubelet-preferred-address-types=InternalIP',
        ]),
  ];
}

async function expectOk(client: ApiClient, path: string): Promise<void> {
  const { status, body } = await client.request('GET', path);
  if (status !== 200) throw new Error(`GET ${path}: expected status 200, got ${status}: ${JSON.stringify(body)}`);
}

/** Has a client of an administrator while `work` runs. */
export async function withClient(kubeconfigPath: string, work: (client: ApiClient) => Promise<void>): Promise<void> {
  const client = new ApiClient(kubeconfigPath);
  try {
    await work(client);
  } finally {
    await client.close();
  }
}
