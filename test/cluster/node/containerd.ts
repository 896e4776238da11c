/** Where the node's containerd listens, in the node's own /run. */
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';

/**
 * Configuration of containerd; what it keeps is at its default paths, which are the node's own.
 *
 * @param pauseImage of the container that holds the namespaces of a pod
 * @param cniFolder folder of {@link renderCniConfig}
 * @see https://github.com/containerd/containerd/blob/release/1.6/docs/cri/config.md
 */
export function renderContainerdConfig(pauseImage: string, cniFolder: string): string {
  return `version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]

[grpc]
  address = "${CONTAINERD_SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # A score below the node's own needs CAP_SYS_RESOURCE, which root of a virtual machine may lack.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${cniFolder}"
`;
}

/**
 * Network of the pods: one bridge, addresses counted up.
 *
 * Without masquerading, which would need iptables: pods reach each other, the node and the machine, and nothing else.
 *
 * @see https://www.cni.dev/plugins/current/main/bridge/
 */
export function renderCniConfig(pods: string): string {
  const ipam = { type: 'host-local', dataDir: '/run/cni', ranges: [[{ subnet: pods }]], routes: [{ dst: '0.0.0.0/0' }] };
  return JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'bridge', bridge: 'cni0', isGateway: true, ipam }] });
}
