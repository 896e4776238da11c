import type { Pod } from '../../src/schema/kubernetes';
import { Annotation, ANY_POOL, API_VERSION, ASSIGN_PROFILES, ASSIGN_PROFILES_KEY, Label } from '../../src/schema/names';
import type { Operation, PROFILES, Rank } from './operations';
import { FORGED, NAMESPACE, podPath, userPath } from './paths';
import type { Stage } from './stage';

/** Does one operation to the world. What users ask of the API server is done when this resolves; what follows from it is not. */
export async function perform<D extends Operation['do']>(world: Stage, operation: Extract<Operation, { do: D }>): Promise<void> {
  world.history.note(`--- ${JSON.stringify(operation)}`);
  await PERFORMERS[operation.do as D](world, operation);
}

type Performers = { readonly [D in Operation['do']]: (world: Stage, operation: Extract<Operation, { do: D }>) => unknown };

const PERFORMERS: Performers = {
  'create pool': (world, operation) => byUser(world, 'POST', userPath('pools'), poolOf(world, operation)),
  'resize pool': (world, { pool, capacity }) => patchPool(world, pool, { capacitySpec: capacity }),
  'update pool': (world, { pool, image, version }) => patchPool(world, pool, { template: world.templateOf(image, version) }),
  'set recycle': (world, { pool, recycle }) => patchPool(world, pool, { recycleStrategy: { type: recycle } }),
  'spoil pool': (world, { pool }) => patchPool(world, pool, { template: { spec: { containers: 'none' } } }),
  'delete pool': (world, { pool }) => byUser(world, 'DELETE', userPath('pools', pool)),

  'create batch': (world, operation) => byUser(world, 'POST', userPath('batchsandboxes'), batchOf(world, operation)),
  'scale batch': (world, { batch, replicas }) => patchBatch(world, batch, { spec: { replicas } }),
  'set policy': (world, { batch, policy }) => patchBatch(world, batch, { spec: { taskResourcePolicyWhenCompleted: policy } }),
  'move batch': (world, { batch, pool }) => isPooled(world, batch) && patchBatch(world, batch, { spec: { poolRef: pool } }),
  'set expiry': (world, { batch, expireInMs }) => {
    return patchBatch(world, batch, { spec: { expireTime: expireInMs === undefined ? null : timeIn(world.clock.now(), expireInMs) } });
  },
  'spoil batch': (world, { batch }) => {
    const spec = isPooled(world, batch) ? { shardTaskPatches: [{ spec: { process: { command: 7 } } }] } : { template: { spec: { containers: {} } } };
    return patchBatch(world, batch, { spec });
  },
  'release pod': (world, { batch, slot }) => {
    const name = heldNames(world, batch)[slot];
    return annotateBatch(world, batch, { [Annotation.allocRelease]: JSON.stringify({ pods: name === undefined ? [] : [name] }) });
  },
  'forge allocation': (world, { batch, at }) => {
    const pod = podAt(world, at);
    const names = JSON.stringify({ [FORGED]: true, pods: [pod?.metadata.name ?? 'nobody'] });
    return annotateBatch(world, batch, { [Annotation.allocStatus]: names, [Annotation.endpoints]: JSON.stringify([pod?.status?.podIP ?? '10.9.9.9']) });
  },
  'delete batch': (world, { batch }) => byUser(world, 'DELETE', userPath('batchsandboxes', batch)),

  'delete pod': (world, { at, force }) => withPod(world, at, ({ metadata: { name } }) => byUser(world, 'DELETE', podPath(name), force ? { gracePeriodSeconds: 0 } : undefined)),
  'evict pod': (world, { at }) => withPod(world, at, ({ metadata: { name } }) => byUser(world, 'PATCH', podPath(name), { metadata: { labels: { [Label.evict]: '' } } })),
  'fail pod': (world, { at }) => withPod(world, at, (pod) => world.nodes.fail(pod)),
  'shake pod': (world, { at, forMs }) => withPod(world, at, (pod) => world.nodes.shake(pod, forMs)),
  'kill executor': (world, { at, downMs }) => withPod(world, at, ({ metadata: { uid = '' } }) => world.executors.restart(uid, downMs)),
  'lose node': ({ nodes }, { at }) => nodes.lose(nodes.names[Math.floor(at * nodes.names.length)] ?? ''),

  'kill operator': ({ operator }, { at }) => operator.at(at)?.kill(),
  'stop operator': ({ operator }, { at }) => operator.at(at)?.stop(),
  'freeze operator': ({ operator }, { at, forMs }) => operator.at(at)?.freeze(forMs),
  weather: (world, { weather, share, forMs }) => world.weather.begin(weather, share, forMs),
  'drop watches': ({ api }, { cleanly }) => api.dropWatches(cleanly),
  'expire watches': ({ api }) => {
    api.forgetHistory();
    api.dropWatches(false);
  },
  'restart api': ({ api, clock }, { downMs }) => {
    api.stop();
    clock.setTimer(downMs, () => api.start());
  },

  'restart container': (world, { at }) => withPod(world, at, (pod) => world.nodes.restart(pod, 'main')),
  'set pace': (world, { pool, maxUnavailable = null }) => patchPool(world, pool, { updateStrategy: { maxUnavailable } }),
  'set remaining life': (world, { pool, seconds = null }) => patchPool(world, pool, { minRemainingLifetimeSeconds: seconds }),
  'set rank': (world, { batch, ...rank }) => patchBatch(world, batch, { spec: rankFields(rank) }),
  'set profile': async (world, { profile }) => {
    await byUser(world, 'DELETE', `${CONFIG_MAPS}/${ASSIGN_PROFILES}`);
    const profiles = PROFILE_TEXTS[profile];
    if (profiles === undefined) return;
    await byUser(world, 'POST', CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: ASSIGN_PROFILES }, data: { [ASSIGN_PROFILES_KEY]: profiles } });
  },
};

const byUser = ({ api }: Stage, method: string, path: string, body?: object) => api.request('user', method, path, body);
const patchPool = (world: Stage, name: string, spec: object) => byUser(world, 'PATCH', userPath('pools', name), { spec });
const patchBatch = (world: Stage, name: string, body: object) => byUser(world, 'PATCH', userPath('batchsandboxes', name), body);
const annotateBatch = (world: Stage, name: string, annotations: object) => patchBatch(world, name, { metadata: { annotations } });

function withPod(world: Stage, at: number, act: (pod: Pod) => unknown): unknown {
  const pod = podAt(world, at);
  return pod === undefined ? undefined : act(pod);
}

const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

const profileText = (predicate: string, ...pluginConf: readonly object[]) =>
  JSON.stringify([{ name: 'default', plugins: { predicate: [predicate], score: [{ name: 'resbalance', weight: 1 }] }, pluginConf }]);

const PROFILE_TEXTS: Readonly<Record<(typeof PROFILES)[number], string | undefined>> = {
  none: undefined,
  most: profileText('image', { name: 'resbalance', args: { strategy: 'MostAllocated' } }),
  tier: profileText('labelselector', { name: 'labelselector', args: { keys: ['tier'] } }),
  bad: '[{',
};

function poolOf(world: Stage, { pool, capacity, recycle, image, restart, maxUnavailable, lifeSeconds, tier }: Extract<Operation, { do: 'create pool' }>): object {
  const template = world.templateOf(image, 0);
  return {
    apiVersion: API_VERSION,
    kind: 'Pool',
    metadata: { name: pool, labels: { tier }, ...(restart !== undefined && { annotations: { [Annotation.restartConfig]: restart } }) },
    spec: {
      template: { spec: { ...template.spec, ...(lifeSeconds !== undefined && { activeDeadlineSeconds: lifeSeconds }) } },
      capacitySpec: capacity,
      recycleStrategy: { type: recycle },
      scaleStrategy: { maxUnavailable: '50%' },
      ...(maxUnavailable !== undefined && { updateStrategy: { maxUnavailable } }),
    },
  };
}

const rankFields = ({ priority, allOrNothing }: Rank): object => ({ priority, allocationPolicy: allOrNothing ? 'AllOrNothing' : 'Partial' });

function batchOf(world: Stage, operation: Extract<Operation, { do: 'create batch' }>): object {
  const { batch, pool, replicas, task, policy, expireInMs, image, tier } = operation;
  return {
    apiVersion: API_VERSION,
    kind: 'BatchSandbox',
    metadata: { name: batch, labels: { tier } },
    spec: {
      replicas,
      ...(pool !== undefined && { poolRef: pool }),
      ...((pool === undefined || pool === ANY_POOL) && { template: world.templateOf(image, 0) }),
      ...rankFields(operation),
      taskResourcePolicyWhenCompleted: policy,
      ...(task !== undefined && world.taskFields(task)),
      ...(expireInMs !== undefined && { expireTime: timeIn(world.clock.now(), expireInMs) }),
    },
  };
}

function timeIn(now: Date, ms: number): string {
  return `${new Date(now.getTime() + ms).toISOString().slice(0, 19)}Z`;
}

function podAt(world: Stage, at: number): Pod | undefined {
  const pods = world.pods();
  return pods[Math.floor(at * pods.length)];
}

function isPooled(world: Stage, name: string): boolean {
  return world.batch(name)?.spec.poolRef !== undefined;
}

/** Names of the pods that a pooled batch holds, in slot order. */
function heldNames(world: Stage, name: string): readonly (string | undefined)[] {
  const { podPrefix = '', slots = [] } = world.batch(name)?.status?.allocation ?? {};
  return slots.map((slot) => (slot.includes('/') ? podPrefix + slot.slice(0, slot.indexOf('/')) : undefined));
}
