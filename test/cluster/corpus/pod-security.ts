import { Secret } from 'cdk8s-plus-28';
import { type ControllerOptions, type ExecutorOptions, PodTemplate, SandboxPool, SandboxRuntime } from '../../../src';
import { completeExecutor } from '../../../src/schema/executor-pod';
import type { PodSpec } from '../../../src/schema/kubernetes';
import { objectsOf } from '../../support/synth';
import { until } from '../../support/waiting';
import type { CorpusServer } from './server';

/** Named as a namespace that nothing else of the suite uses. */
const NAMESPACE = 'pod-security';
/** A main container that keeps to the standard itself. */
const MAIN = {
  name: 'main',
  image: 'busybox',
  securityContext: { runAsNonRoot: true, runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } },
};

const operatorObjects = (controller?: (scope: ConstructorParameters<typeof Secret>[0]) => ControllerOptions) =>
  objectsOf((chart) => new SandboxRuntime(chart, 'runtime', { createNamespace: true, controller: controller?.(chart) }), { namespace: NAMESPACE });

/** Pods of the operator; its ServiceAccount is not there, and has no part in this. */
function operatorSpec(controller?: Parameters<typeof operatorObjects>[0]): PodSpec {
  const deployment = operatorObjects(controller).find(({ kind }) => kind === 'Deployment') as { readonly spec: { readonly template: { readonly spec: PodSpec } } } | undefined;
  const { serviceAccountName: _account, ...spec } = (deployment?.spec.template.spec ?? {}) as PodSpec & { readonly serviceAccountName?: string };
  return spec;
}

/** Pods of a pool, as the operator makes them. */
function sandboxSpec(executor?: ExecutorOptions): PodSpec {
  const [pool] = objectsOf((chart) => new SandboxPool(chart, 'pool', { template: PodTemplate.fromSpec({ containers: [MAIN] }), executor, bufferMin: 1, poolMax: 1 }));
  const { template } = pool?.['spec'] as { readonly template: { readonly spec: PodSpec } };
  return completeExecutor(template.spec, { publicKeys: 'PEM' });
}

const KEPT: Readonly<Record<string, () => PodSpec>> = {
  'the operator': () => operatorSpec(),
  'the operator with a key of its owner': () => operatorSpec((scope) => ({ signingKey: { secret: Secret.fromSecretName(scope, 'key', 'key') } })),
  'a sandbox without an executor': () => sandboxSpec(),
  'a sandbox whose executor does not enter the main container': () => sandboxSpec({ enterMainContainer: false }),
};

/** What keeps a sandbox whose tasks run in its main container from the standard. */
const VIOLATIONS = [
  'allowPrivilegeEscalation != false (container "task-executor" must set securityContext.allowPrivilegeEscalation=false)',
  'unrestricted capabilities (container "task-executor" must set securityContext.capabilities.drop=["ALL"]; container "task-executor" must not include "SYS_PTRACE" in securityContext.capabilities.add)',
  'runAsNonRoot != true (container "task-executor" must not set securityContext.runAsNonRoot=false)',
  'runAsUser=0 (container "task-executor" must not set runAsUser=0)',
  'seccompProfile (pod or container "task-executor" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
];

/** Which pods of ours Kubernetes takes where it enforces the Pod Security Standard `restricted`. */
export function describePodSecurity(server: CorpusServer): void {
  const create = (spec: PodSpec) =>
    server().client.request<{ readonly message?: string }>('POST', `/api/v1/namespaces/${NAMESPACE}/pods?dryRun=All`, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod' }, spec });

  beforeAll(async () => {
    const namespace = operatorObjects().find(({ kind }) => kind === 'Namespace'); // as SandboxRuntime makes it
    expect(await server().client.request('POST', '/api/v1/namespaces', namespace)).toMatchObject({ status: 201 });
    // A pod needs the service account that a controller makes for each namespace.
    await until(async () => expect((await create({ containers: [MAIN] })).status).toBe(201));
  });

  test.each(Object.entries(KEPT))('is kept by %s', async (_title, spec) => {
    expect(await create(spec())).toMatchObject({ status: 201 });
  });

  test('is broken by a sandbox whose tasks run in its main container, and only by what that takes', async () => {
    const { status, body } = await create(sandboxSpec({}));
    expect(status).toBe(403);
    expect(body.message?.split('violates PodSecurity "restricted:latest": ')[1]).toBe(VIOLATIONS.join(', '));
  });
}
