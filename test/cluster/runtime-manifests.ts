import { OPERATOR_NAME, OPERATOR_NAMESPACE } from '../support/operator-identity';
import { until } from '../support/waiting';
import type { RuntimeInCluster } from './runtime-in-cluster';

/** kubectl asks for one object after another. */
const LONGEST_TEST_MS = 120_000;

/** Defines the tests of the output of SandboxRuntime, applied with kubectl; no operator process runs yet. */
export function describeManifests(connect: () => RuntimeInCluster): void {
  const apply = (...flags: string[]) => connect().kubectl(['apply', '--filename=-', ...flags], connect().manifest);
  const inSystem = (args: readonly string[]) => connect().kubectl([...args, `--namespace=${OPERATOR_NAMESPACE}`]);
  const budgetCounts = async () => (await inSystem(['get', 'poddisruptionbudget', '--output=jsonpath={.items[*].status.expectedPods} {.items[*].status.disruptionsAllowed}'])).stdout;

  test('comes up in one go, as two pods with a budget that lets one of them go', async () => {
    expect(await apply()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await inSystem(['rollout', 'status', `deployment/${OPERATOR_NAME}`, '--timeout=90s'])).toMatchObject({ exitCode: 0 });
    await until(async () => expect(await budgetCounts()).toBe('2 1'));
  });

  const versions = async () => (await connect().kubectl(['get', '--filename=-', '--output=jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}'], connect().manifest)).stdout;

  test('applied a second time, changes nothing and leaves no difference', async () => {
    const before = await versions();
    const { stdout, ...rest } = await apply();
    expect(rest).toEqual({ exitCode: 0, stderr: '' });
    expect(await versions()).toBe(before);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(connect().objects.length);
    // kubectl always sends the selector of a budget, since that is to be replaced as a whole, and calls it configured although the object is the same.
    expect(lines.filter((line) => !line.endsWith(' unchanged'))).toEqual([`poddisruptionbudget.policy/${OPERATOR_NAME} configured`]);
    expect(await connect().kubectl(['diff', '--filename=-'], connect().manifest)).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  }, LONGEST_TEST_MS);

  test("by server-side apply, too, changes nothing the second time, and keeps the content of the signing key's Secret", async () => {
    await inSystem(['patch', 'secret/opensandbox-executor-signing-key', '--patch={"data":{"private.pem":"a2V5"}}']);
    expect(await apply('--server-side', '--field-manager=gitops', '--force-conflicts')).toMatchObject({ exitCode: 0 });
    // The Namespace has no field that could have an owner, which takes the server one more time to note.
    const ownedVersions = async () => (await versions()).replace(/^Namespace.*/, '');
    const afterFirst = await ownedVersions();
    expect(await apply('--server-side', '--field-manager=gitops')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await ownedVersions()).toBe(afterFirst);
    expect((await inSystem(['get', 'secret/opensandbox-executor-signing-key', '--output=jsonpath={.data}'])).stdout).toBe('{"private.pem":"a2V5"}');
    await inSystem(['patch', 'secret/opensandbox-executor-signing-key', '--patch={"data":null}']); // an operator would not start with it
  }, LONGEST_TEST_MS);

  test('passes the restricted Pod Security level', async () => {
    const level = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
    expect(await connect().kubectl(['label', 'namespace', OPERATOR_NAMESPACE, ...level])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await inSystem(['rollout', 'restart', `deployment/${OPERATOR_NAME}`])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await inSystem(['rollout', 'status', `deployment/${OPERATOR_NAME}`, '--timeout=90s'])).toMatchObject({ exitCode: 0 });
  });

  test('people with the role edit write what a batch asks for, and nobody but the operator what it was given', async () => {
    const { space } = connect();
    const user = 'somebody';
    const binding = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: 'edit' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' }, subjects: [{ kind: 'User', name: user }] };
    expect(await space.target.request('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${space.namespace}/rolebindings`, binding)).toMatchObject({ status: 201 });
    const may = async (verb: string, place: string) => {
      const [namespace, group, resource = '', subresource] = place.split(' ');
      const spec = { user, resourceAttributes: { namespace, group, verb, resource, subresource } };
      const { body } = await space.target.request<{ readonly status: { readonly allowed: boolean } }>('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec });
      return body.status.allowed;
    };
    const kinds = ['batchsandboxes', 'pools'].map((plural) => `${space.namespace} sandbox.opensandbox.io ${plural}`);
    // A controller gathers the roles that make up this one.
    await until(async () => expect(await Promise.all(kinds.map((kind) => may('patch', kind)))).toEqual([true, true]));
    const forbidden = [...kinds.map((kind) => `${kind} status`), `${space.namespace}  pods status`, `${OPERATOR_NAMESPACE}  secrets`, `${OPERATOR_NAMESPACE} coordination.k8s.io leases`];
    const answers = await Promise.all(forbidden.flatMap((place) => ['patch', 'update', 'create'].map((verb) => may(verb, place))));
    expect(new Set(answers)).toEqual(new Set([false]));
  });
}
