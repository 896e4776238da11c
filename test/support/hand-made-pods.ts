import type { Pod, PodTemplateSpec } from '../../src/schema/kubernetes';
import type { PoolSpec } from '../../src/schema/pool';
import { fixedPool } from './pool-spec';
import type { Space } from './space';
import { inParallel, until } from './waiting';

/** Status writes at once. */
const WRITES_AT_ONCE = 32;

/** Scheduler that places nothing, since there is none of this name. */
export const NO_SCHEDULER = 'acceptance-test';

/** A template whose pods no scheduler places, so that the test alone says how they are. */
export function handMadeTemplate(labels: Readonly<Record<string, string>> = {}, env: readonly { readonly name: string; readonly value: string }[] = []): PodTemplateSpec {
  return { metadata: { labels }, spec: { schedulerName: NO_SCHEDULER, containers: [{ name: 'main', image: 'none', env }] } };
}

/** Whether a pod is of such a template. */
export function isHandMade({ spec }: Pod): boolean {
  return spec?.['schedulerName'] === NO_SCHEDULER;
}

/** Marks all pods of the namespace that are not Ready as Running and Ready, each with an address of its own. */
export async function makeReady(space: Space): Promise<void> {
  const pods = (await space.list('Pod')).filter(({ status }) => status?.podIP === undefined);
  const known = (await space.list('Pod')).length - pods.length;
  const entries = pods.map((pod, index) => ({ name: pod.metadata.name, ip: addressOf(known + index) }));
  await inParallel(entries, WRITES_AT_ONCE, ({ name, ip }) => space.patch('Pod', name, { status: readyStatus(ip) }, 'status'));
}

/** Longest wait for the pods of a large pool, in ms. */
const PODS_WITHIN_MS = 50_000;

/** Makes a Pool of so many pods and marks them Ready. Its namespace has no others, and nobody tells of them but the test. */
export async function createReadyPool(space: Space, name: string, size: number, more: Partial<PoolSpec> = {}): Promise<void> {
  await space.create('Pool', name, fixedPool(size, handMadeTemplate(), more));
  await until(async () => expect(await space.list('Pod')).toHaveLength(size), PODS_WITHIN_MS);
  await makeReady(space);
  await space.untilWarm(name, size);
}

/** Address from a block that leads nowhere (RFC 2544). */
export function addressOf(index: number): string {
  return `198.18.${Math.floor(index / 250)}.${1 + (index % 250)}`;
}

/** What a kubelet says of a pod that is Ready since now. */
export function readyStatus(podIP: string): Pod['status'] {
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  return {
    phase: 'Running',
    podIP,
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now }],
  };
}
