import { OPERATOR_ACCESS } from '../../src/schema/access';
import { BATCH_SANDBOX, POOL } from '../../src/schema/crds';
import { Annotation, API_VERSION, Label, LEASE_NAME } from '../../src/schema/names';
import { OPERATOR_NAMESPACE, OPERATOR_USER } from '../support/operator-identity';
import { fixedPool } from '../support/pool-spec';
import { mirroredPodsOf, recordedUIDsOf, type Space } from '../support/space';
import { until } from '../support/waiting';
import { type AuditedRequest, auditOf } from './audit';
import type { OperatorReplica } from './operator-replica';
import { describeControlPlane } from './control-plane-offer';
import { BUILD_TIMEOUT_MS } from './programs';
import { RuntimeInCluster } from './runtime-in-cluster';
import { describeManifests } from './runtime-manifests';

/** A lease lasts 15 s after its holder has died; the rest is for a busy machine. */
const TAKE_OVER_MS = 40_000;

/** Watches that a replica has open: pools, batches, pods of pools, pods of batches, and the ConfigMap with the profile of pool assignment. */
const WATCHES = 5;

/**
 * Pools: where a list was taken while a write of the same object was under way, the object itself is read. Exec: Kubernetes asks for the right to
 * create from 1.35 on.
 */
const RARELY_USED = ['served: get pools', 'served: create pods/exec'];

let runtime: RuntimeInCluster;
let space: Space;
let leader: OperatorReplica;
let follower: OperatorReplica;

beforeAll(async () => {
  runtime = await RuntimeInCluster.start();
  space = runtime.space;
}, BUILD_TIMEOUT_MS);

afterAll(() => runtime?.stop());

const template = () => space.target.podTemplate();
const audited = async () => (await auditOf(runtime.cluster)).filter(({ user }) => user === OPERATOR_USER);
const remove = async (kind: 'Pool' | 'BatchSandbox', name: string) => {
  await space.delete(kind, name);
  await space.untilGone(kind, name);
};

describe('what SandboxRuntime renders', () => describeManifests(() => runtime));

describe('two replicas of the operator', () => {
  beforeAll(async () => {
    const replicas = [await runtime.startReplica(), await runtime.startReplica()];
    leader = await runtime.leaderOf(replicas);
    follower = replicas.find((replica) => replica !== leader) ?? leader;
  }, BUILD_TIMEOUT_MS);

  test('delivers a batch of 100 from a pool of 100, while the other replica is ready and does not act', async () => {
    await space.create('Pool', 'hundred', fixedPool(100, template()));
    await space.untilWarm('hundred', 100);
    await space.create('BatchSandbox', 'hundred', { replicas: 100, poolRef: 'hundred' });
    await space.untilDelivered('hundred');
    expect([await follower.isReady(), await follower.isLeading()]).toEqual([true, false]);
    await remove('BatchSandbox', 'hundred');
  });

  test('goes on with a new token when the old one is refused: no request fails, and watches go on that began with the old one', async () => {
    await until(async () => expect(await openWatches()).toHaveLength(WATCHES));
    const [{ credential: old } = { credential: '' }] = await openWatches();
    await runtime.rotateToken(leader);
    await space.create('BatchSandbox', 'rotated', { replicas: 1, template: template() });
    await space.untilDelivered('rotated');
    // Not all of them need be there: a busy API server ends a watch that falls behind, of the one client and not of the other.
    expect((await openWatches()).filter(({ credential }) => credential === old).length).toBeGreaterThan(WATCHES / 2);
    const nameless = (await auditOf(runtime.cluster)).filter(({ code }) => code === 401);
    expect(nameless).not.toEqual([]); // the old token was tried, on no resource
    expect(nameless.filter(({ resource }) => resource !== '')).toEqual([]);
    await remove('BatchSandbox', 'rotated');
  });

  test('takes over when the leader stops, which frees its lease before it ends', async () => {
    const holder = async () => (await runtime.kubectl(['get', `lease/${LEASE_NAME}`, `--namespace=${OPERATOR_NAMESPACE}`, '--output=jsonpath={.spec.holderIdentity}'])).stdout;
    const before = await holder();
    expect(await leader.end('SIGTERM')).toBe(0);
    expect(await holder()).not.toBe(before);
    leader = await runtime.leaderOf([follower]);
    follower = await runtime.startReplica(['--import-legacy-allocations']);
  });

  test('takes over from a leader that is stopped amid deliveries, once it has listed everything: all are completed, no pod is in two batches, what an older operator gave out stays, and the old leader writes nothing when it goes on (R99, R101, R102, R103, R112)', async () => {
    const warm = Array.from({ length: 11 }, (_, index) => ({ name: `warm-${index}`, replicas: index === 0 ? 50 : 5 }));
    await space.create('Pool', 'old', fixedPool(3, template()));
    await space.untilWarm('old', 3);
    // Not those that would be taken first.
    const given = (await space.list('Pod')).flatMap(({ metadata: { name } }) => (name.startsWith('old-') ? [name] : [])).sort().reverse().slice(0, 2);
    await space.create('BatchSandbox', 'cold', { replicas: 100, template: template() });
    await until(async () => expect((await space.list('Pod')).length).toBeGreaterThan(113));
    const known = (await runtime.requestsOf(follower)).length;
    const stopped = leader;
    stopped.freeze();
    await Promise.all(warm.map(({ name, replicas }) => space.create('BatchSandbox', name, { replicas, poolRef: 'hundred' })));
    const annotations = { [Annotation.allocStatus]: JSON.stringify({ pods: given }) };
    await space.target.request('POST', space.path('BatchSandbox'), { apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name: 'legacy', annotations }, spec: { replicas: 2, poolRef: 'old' } });
    leader = await runtime.leaderOf([follower], TAKE_OVER_MS);
    follower = await runtime.startReplica();
    await space.untilDelivered('cold');
    const batches = await Promise.all(warm.map(({ name }) => space.untilDelivered(name)));
    const held = batches.flatMap((batch) => recordedUIDsOf(batch));
    expect([held.length, new Set(held).size]).toEqual([100, 100]);
    const ofThese = (await space.list('Pod')).filter(({ metadata }) => metadata.name.startsWith('cold-') || metadata.labels?.[Label.poolName] === 'hundred');
    expect(ofThese).toHaveLength(200);
    expect(mirroredPodsOf(await space.untilDelivered('legacy'))).toEqual(given);
    const requests = (await runtime.requestsOf(leader)).slice(known);
    const first = requests.slice(0, requests.findIndex(isWrite)).filter(({ verb }) => verb === 'list');
    expect([...new Set(first.map(({ resource }) => resource))].sort()).toEqual(['batchsandboxes', 'pods', 'pools']);

    const before = (await runtime.requestsOf(stopped)).length;
    expect(await stopped.end('SIGCONT')).toBe(1);
    // One request may have stood between its last look at the lease and the socket when the process was stopped; the API server has refused it.
    const late = (await runtime.requestsOf(stopped)).slice(before).filter(isWrite);
    expect([late.length <= 1, late.filter(({ code }) => code < 400)]).toEqual([true, []]);
    for (const { name } of [...warm, { name: 'cold' }, { name: 'legacy' }]) await remove('BatchSandbox', name);
  }, 300_000);

  test('looks at no Pool because of what is written into a batch (R134)', async () => {
    await space.create('BatchSandbox', 'noisy', { replicas: 1, poolRef: 'old' });
    const { metadata } = await space.untilDelivered('noisy');
    const untilRestored = () => space.until('BatchSandbox', 'noisy', (batch) => expect(batch.metadata.annotations).toEqual(metadata.annotations));
    // The end of the delivery may still cost a look.
    await until(async () => {
      const before = await leader.countPoolPasses();
      for (const key of [Annotation.endpoints, Annotation.allocStatus]) {
        await space.patch('BatchSandbox', 'noisy', { metadata: { annotations: { [key]: 'nonsense' } } });
        await untilRestored();
      }
      expect([before > 0, await leader.countPoolPasses()]).toEqual([true, before]);
    });
    await remove('BatchSandbox', 'noisy');
  });

  test('writes no spec of a batch that names its pool, and leaves the fields of a user who applies beside it', async () => {
    const applied = (replicas: number) => `{"apiVersion":"sandbox.opensandbox.io/v1alpha1","kind":"BatchSandbox","metadata":{"name":"shared","labels":{"team":"a"}},"spec":{"replicas":${replicas},"poolRef":"hundred"}}`;
    const apply = (replicas: number) => space.kubectl(['apply', '--server-side', '--field-manager=user', '--filename=-'], applied(replicas));
    expect(await apply(3)).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await space.untilDelivered('shared')).metadata.generation).toBe(1);
    expect(await apply(5)).toMatchObject({ exitCode: 0, stderr: '' });
    const batch = await space.untilDelivered('shared');
    expect(batch.metadata.generation).toBe(2);
    const fieldsOf = ({ fieldsV1 = {} }: ManagedFields) => Object.entries(fieldsV1).flatMap(([part, fields]) => (part === 'f:metadata' ? Object.keys(fields).map((field) => `metadata.${field.slice(2)}`) : part.slice(2)));
    for (const object of [batch, await space.get('Pool', 'hundred')] as unknown as readonly { metadata: { managedFields: readonly ManagedFields[] } }[]) {
      const ofOperator = object.metadata.managedFields.filter(({ manager }) => manager.startsWith('sandbox-k8s-controller'));
      const fields = [...new Set(ofOperator.flatMap(fieldsOf))].sort();
      expect(fields).toEqual(expect.arrayContaining(['metadata.finalizers', 'status']));
      expect(['metadata.annotations', 'metadata.finalizers', 'status']).toEqual(expect.arrayContaining(fields));
    }
    await remove('BatchSandbox', 'shared');
  });

  test('is refused nothing, has no right that it does not use, and deletes each pod by its UID (R110)', async () => {
    await space.create('BatchSandbox', 'expiring', { replicas: 1, template: template(), expireTime: new Date(Date.now() + 1000).toISOString() });
    await space.untilGone('BatchSandbox', 'expiring');
    // A name that a foreign pod has: the operator looks whose it is, and tells of it again and again by one event.
    await runtime.kubectl(['run', 'taken-0', '--image=none', `--namespace=${space.namespace}`]);
    await space.create('BatchSandbox', 'taken', { replicas: 1, template: template() });
    await until(async () => expect(await usedRights()).toEqual(expect.arrayContaining(['served: patch events'])));
    // Pods that are there show whose finalizers admission has asked for.
    await space.create('BatchSandbox', 'direct', { replicas: 1, template: template() });
    await space.untilDelivered('direct');

    // A pod that is to restart before it goes back. No node carries it out, so the pod is deleted in the end.
    await space.create('Pool', 'restarting', fixedPool(1, template(), { recycleStrategy: { type: 'Restart' } }));
    await space.patch('Pool', 'restarting', { metadata: { annotations: { [Annotation.restartConfig]: '{"maxRetries":0,"retryInterval":"1s"}' } } });
    await space.untilWarm('restarting', 1);
    await space.create('BatchSandbox', 'returning', { replicas: 1, poolRef: 'restarting' });
    const [pod = ''] = mirroredPodsOf(await space.untilDelivered('returning'));
    const running = { name: 'main', image: 'none', imageID: '', ready: true, restartCount: 0, containerID: 'none://1', state: { running: {} } };
    await space.patch('Pod', pod, { status: { containerStatuses: [running] } }, 'status');
    await remove('BatchSandbox', 'returning');

    expect((await audited()).filter(({ code }) => code === 403)).toEqual([]);
    const deletes = (await audited()).filter(({ verb, resource }) => verb === 'delete' && resource === 'pods');
    expect([deletes.length > 100, deletes.filter(({ preconditionUID }) => preconditionUID === '')]).toEqual([true, []]);
    expect(union(await usedRights(), RARELY_USED)).toEqual(union(GRANTED.map(({ right }) => right)));
  });
});

/** Whether a request was to change something of what the operator serves; the lease is its own. */
function isWrite({ verb, resource }: AuditedRequest): boolean {
  return ['create', 'update', 'patch', 'delete'].includes(verb) && resource !== 'leases';
}

// After the others: what owns pods before there are CRDs has the API server know these late.
describe('a control plane with a simulated node', () => describeControlPlane(() => runtime.cluster));

/** Watches of the leader that have not ended. */
async function openWatches(): Promise<readonly AuditedRequest[]> {
  return (await runtime.requestsOf(leader)).filter(({ verb, isOver }) => verb === 'watch' && !isOver);
}

/** Each verb of a rule on each resource, where, and on which object if the rule names it. */
const GRANTED = Object.entries(OPERATOR_ACCESS).flatMap(([part, rules]) =>
  rules.flatMap(({ resources, resourceNames = [''], verbs }) =>
    resources.flatMap((resource) => verbs.flatMap((verb) => resourceNames.map((name) => toGrant(part === 'served' ? 'served' : 'own', verb, resource, name)))),
  ),
);

function toGrant(place: string, verb: string, resource: string, name: string) {
  const anyName = `${place}: ${verb} ${resource}`;
  return { anyName, right: name === '' ? anyName : `${anyName} '${name}'` };
}

const union = (...rights: readonly (readonly string[])[]) => [...new Set(rights.flat())].sort();

/** What the requests of the operators needed, and what admission asks for with them; a name counts where the rule has one. */
async function usedRights(): Promise<string[]> {
  const places: Readonly<Record<string, string>> = { [space.namespace]: 'served', [OPERATOR_NAMESPACE]: 'own' };
  const requested = (await audited()).filter(({ resource }) => resource !== '').map(({ namespace, verb, resource, subresource, name }) => {
    const grant = toGrant(places[namespace] ?? namespace, verb, subresource === '' ? resource : `${resource}/${subresource}`, name);
    return GRANTED.some(({ right }) => right === grant.anyName) ? grant.anyName : grant.right;
  });
  // Asked for when a pod is created whose owner waits for it; without the right the create is refused.
  const owners = (await space.list('Pod')).flatMap(({ metadata }) => metadata.ownerReferences ?? []).filter(({ blockOwnerDeletion }) => blockOwnerDeletion);
  const kinds = [BATCH_SANDBOX, POOL].filter(({ kind }) => owners.some((owner) => owner.kind === kind));
  return union(requested, kinds.map(({ plural }) => `served: update ${plural}/finalizers`));
}

/** Who owns which fields of an object. */
interface ManagedFields {
  readonly manager: string;
  readonly fieldsV1?: Readonly<Record<string, object>>;
}
