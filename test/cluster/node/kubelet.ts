import { CONTAINERD_SOCKET } from './containerd';

/** Name of the node in the API. */
export const NODE_NAME = 'node-0';
/** Pods of a node, at most; their range of addresses has room for twice as many. */
const MAX_PODS = 500;

/** What the kubelet's configuration depends on. */
export interface KubeletOptions {
  /** Address of the node. */
  readonly address: string;
  /** Address that pods ask for names; nothing answers there. */
  readonly nameServer: string;
  /** The cluster's certificate: the kubelet serves with it, and trusts the client that has it, the API server. */
  readonly certificatePath: string;
  readonly keyPath: string;
}

/**
 * Configuration of the kubelet.
 *
 * @see https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/
 */
export function renderKubeletConfig({ address, nameServer, certificatePath, keyPath }: KubeletOptions): string {
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: false }, x509: { clientCAFile: certificatePath } },
    authorization: { mode: 'AlwaysAllow' }, // only the API server can authenticate itself
    tlsCertFile: certificatePath,
    tlsPrivateKeyFile: keyPath,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    oomScoreAdj: 0, // a lower one needs CAP_SYS_RESOURCE
    makeIPTablesUtilChains: false, // nothing here uses iptables
    maxPods: MAX_PODS,
    // A pod whose network has no name server would get an event about it.
    clusterDNS: [nameServer],
    resolvConf: '',
    // The node lives for the length of a test: neither the machine's disk nor its memory is its business.
    imageGCHighThresholdPercent: 100,
    evictionHard: Object.fromEntries(['memory.available', 'nodefs.available', 'nodefs.inodesFree', 'imagefs.available', 'imagefs.inodesFree', 'pid.available'].map((signal) => [signal, '0%'])),
    // The default rates would be what a test measures.
    kubeAPIQPS: 500,
    kubeAPIBurst: 1000,
    eventRecordQPS: 0, // unlimited
    registryPullQPS: 0,
    serializeImagePulls: false,
  };
  return JSON.stringify(config);
}
