import { isDeepStrictEqual } from 'node:util';
import { runOnNode } from '../cluster/node/run-on-node';
import { until } from '../support/waiting';
import type { SharedCluster } from '../targets/kubernetes-cluster';

/** The kubelet clears up after the last pod, in ms; the rest is for a busy machine. */
const CLEARED_UP_MS = 120_000;
/** Programs of the node itself, and of the operators on it. */
const PROGRAMS = /^(catatonit|containerd|containerd-shim|kubelet|kubernetes|node|MainThread)$/;
/** Programs that look. */
const LOOKING = /^(ps|nsenter|sh)$/;

/** What is expected on the node: two operators, each with the container that holds its namespaces and the one that it runs in. */
const AT_REST = { containers: ['pause', 'pause', 'sandbox-operator', 'sandbox-operator'], volumesOfPods: 2, rootFileSystems: 4, sharedMemories: 2, foreignPrograms: [], shims: 2 };

/** Waits until nothing but the operator is on the node: no container, mount or process of a test. @throws Error that says what stays */
export async function expectNodeAtRest({ node }: Pick<SharedCluster, 'node'>): Promise<void> {
  const onNode = (...command: string[]) => runOnNode(node, command).then((text) => text.trim().split('\n'));
  await until(async () => {
    const containers = (await onNode('ctr', '--namespace=k8s.io', 'containers', 'list')).slice(1);
    const mounts = await onNode('cat', '/proc/mounts');
    const count = (pattern: RegExp) => new Set(mounts.flatMap((line) => pattern.exec(line)?.[1] ?? [])).size;
    const programs = (await onNode('ps', '-eo', 'comm=')).map((name) => name.trim()).filter((name) => !LOOKING.test(name));
    const found = {
      containers: containers.map((line) => /pause|sandbox-operator|\S+$/.exec(line)?.[0]).sort(),
      volumesOfPods: count(/\/pods\/([^/]+)/),
      rootFileSystems: count(/\.task\/k8s\.io\/([^/]+)\/rootfs/),
      sharedMemories: count(/sandboxes\/([^/]+)\/shm/),
      foreignPrograms: programs.filter((name) => !PROGRAMS.test(name)).sort(),
      shims: programs.filter((name) => name === 'containerd-shim').length,
    };
    if (!isDeepStrictEqual(found, AT_REST)) throw new Error(`node: expected ${JSON.stringify(AT_REST)}, got ${JSON.stringify(found)}`);
  }, CLEARED_UP_MS);
}
