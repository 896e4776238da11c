import { randomInt } from 'node:crypto';
import { runOk } from '../../support/run-ok';

/**
 * Addresses of a cluster with a node, all out of one block of 4096 of 10.0.0.0/8 that no other route of the machine uses.
 *
 *     machine                      network namespace of the node
 *       host  ===== link/eth0 =====  node  ---- cni0 ---- pods
 *
 * The API server listens on `host`, which is also the address of the Service `kubernetes`: so clients in pods reach it without
 * anything that routes Services. Nothing has a route to the rest of the world.
 */
export interface NodeNetwork {
  readonly host: string;
  readonly node: string;
  /** Ranges, such as `10.1.20.0/22`. */
  readonly services: string;
  readonly pods: string;
}

/** How many blocks 10.0.0.0/8 has. */
const BLOCK_COUNT = 4096;
/** A route for more addresses than this many bits leave goes on to work beside ours. */
const WIDE_ROUTE_BITS = 16;

/** Chooses a block that no route of the machine uses. */
export async function chooseNetwork(): Promise<NodeNetwork> {
  const routes = JSON.parse(await runOk('ip', ['-json', '-4', 'route', 'show', 'table', 'all'])) as readonly { readonly dst: string }[];
  const used = usedBlocks(routes.map(({ dst }) => dst));
  for (;;) {
    const block = randomInt(BLOCK_COUNT);
    if (!used.has(block)) return layOut(block);
  }
}

/** Blocks that routes to these destinations touch. */
export function usedBlocks(destinations: readonly string[]): ReadonlySet<number> {
  const blocks = destinations.flatMap((destination) => {
    const [, a, b, bits] = /^10\.(\d+)\.(\d+)\.\d+(?:\/(\d+))?$/.exec(destination) ?? [];
    if (a === undefined || Number(bits ?? 32) < WIDE_ROUTE_BITS) return [];
    const first = (Number(a) << 4) | (Number(b) >> 4);
    return Array.from({ length: 1 << Math.max(0, 20 - Number(bits ?? 32)) }, (_, index) => first + index);
  });
  return new Set(blocks);
}

/** The addresses of a block. */
export function layOut(block: number): NodeNetwork {
  const address = (third: number, fourth: number) => `10.${block >> 4}.${((block & 15) << 4) + third}.${fourth}`;
  return { host: address(0, 1), node: address(1, 1), services: `${address(0, 0)}/24`, pods: `${address(4, 0)}/22` };
}

/** Name of the machine's end of the link: 15 characters at most. */
export function linkName(clusterId: string): string {
  return `cs-${clusterId.slice(-8)}`;
}

/** Joins the network namespace of process `pid` to the machine; `ip` refuses when another took the same block just now. */
export async function linkNode(link: string, pid: number, { host, node, pods }: NodeNetwork): Promise<void> {
  const ofMachine = [`link add ${link} type veth peer name eth0 netns ${pid}`, `address add ${host} peer ${node} dev ${link}`, `link set ${link} up`];
  const ofNode = [`address add ${node} peer ${host} dev eth0`, 'link set eth0 up'];
  await runOk('ip', ['-batch', '-'], ofMachine.join('\n'));
  await runOk('nsenter', [`--target=${pid}`, '--net', 'ip', '-batch', '-'], ofNode.join('\n'));
  await runOk('ip', ['route', 'add', pods, 'via', node]);
}
