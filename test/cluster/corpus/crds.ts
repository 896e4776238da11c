import { allCrds, BATCH_SANDBOX, POOL } from '../../../src/schema/crds';
import type { CustomResourceDefinition } from '../../../src/schema/resource';
import type { ApiClient } from '../../support/api-client';
import { FULL_STATUSES } from '../../support/full-status';
import { runKubectl } from '../../support/run-kubectl';
import { inParallel, until } from '../../support/waiting';
import { fieldPathsOf } from '../field-paths';
import { BUILD_TIMEOUT_MS } from '../programs';
import type { CorpusServer } from './server';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const NAMESPACE = '/apis/sandbox.opensandbox.io/v1alpha1/namespaces/default';
const MERGE_PATCH = 'application/merge-patch+json';

type Served = CustomResourceDefinition & {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[] };
};
type Refusal = { readonly reason: string; readonly details: { readonly causes: readonly { readonly field: string; readonly message: string }[] } };

const capacity = (change: object = {}) => ({ capacitySpec: { bufferMin: 1, bufferMax: 2, poolMin: 1, poolMax: 4, ...change } });
const pool = (name: string, spec: object) => ({ apiVersion: POOL.apiVersion, kind: 'Pool', metadata: { name }, spec });
const batch = (name: string, spec: object) => ({ apiVersion: BATCH_SANDBOX.apiVersion, kind: 'BatchSandbox', metadata: { name }, spec });

/** Outputs of kubectl explain: from version 3 of OpenAPI, and from version 2. */
const FORMS = ['plaintext', 'plaintext-openapiv2'] as const;

/** A text on one line. */
const words = (text: string) => text.replace(/\s+/g, ' ');

/** What real Kubernetes makes of our CRDs. */
export function describeCrds(server: CorpusServer): void {
  const request: ApiClient['request'] = (...args) => server().client.request(...args);
  const explain = (path: string, output: string) => runKubectl(server().cluster, ['explain', path, `--output=${output}`]);

  beforeAll(async () => {
    await until(async () => {
      for (const { plural } of [POOL, BATCH_SANDBOX]) expect(await request('GET', `${NAMESPACE}/${plural}`)).toMatchObject({ status: 200 });
    });
    // The documents that kubectl explain reads come some time after the kinds are served.
    for (const kind of ['pool', 'batchsandbox']) {
      for (const output of FORMS) await until(async () => expect(await explain(kind, output)).toMatchObject({ exitCode: 0 }));
    }
  }, BUILD_TIMEOUT_MS);

  test.each(allCrds().map((crd) => ({ crd, name: crd.metadata.name })))('accepts CRD $name as it is, with a structural schema', async ({ crd, name }) => {
    const { body } = await request<Served>('GET', `${CRDS}/${name}`);
    const conditions = Object.fromEntries((body.status?.conditions ?? []).map(({ type, status }) => [type, status]));
    expect(conditions).toEqual({ NamesAccepted: 'True', Established: 'True' });
    // Nothing dropped or bent: what the server fills in stands beside what we wrote.
    expect(body.spec).toMatchObject(crd.spec);
  });

  test.each([
    { output: FORMS[0], parts: ['capacitySpec <Object> -required-', 'Bounds of the idle pods', 'template <Object>', 'kubectl explain pod.spec'] },
    { output: FORMS[1], parts: ['capacitySpec <Object> -required-', 'Bounds of the idle pods', 'template <', 'kubectl explain pod.spec'] },
  ])('kubectl explain describes the fields, in the form $output', async ({ output, parts }) => {
    const { exitCode, stdout, stderr } = await explain('pool.spec', output);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const part of parts) expect(words(stdout)).toContain(part);
  });

  test('kubectl explain describes each field by itself', async () => {
    const paths = allCrds().flatMap((crd) => fieldPathsOf(crd.spec.versions[0]?.schema.openAPIV3Schema ?? {}, crd.spec.names.singular));
    expect(paths.length).toBeGreaterThan(40);
    const answers = await inParallel(paths, 4, async ({ path, description }) => {
      const { exitCode, stdout, stderr } = await explain(path, FORMS[0]);
      const isDescribed = exitCode === 0 && words(stdout).includes(words(description));
      return isDescribed ? undefined : { path, stdout, stderr };
    });
    expect(answers.filter((answer) => answer !== undefined)).toEqual([]);
  });

  test.each(FULL_STATUSES)('keeps every status field of a $kind, and parse accepts what it keeps', async ({ resource, kind, spec, status }) => {
    const path = `${NAMESPACE}/${resource.plural}`;
    const created = await request('POST', path, { apiVersion: resource.apiVersion, kind, metadata: { name: 'full' }, spec, status });
    expect(created).toMatchObject({ status: 201, body: { spec } });
    expect(created.body).not.toHaveProperty('status');
    expect(await request('PATCH', `${path}/full/status`, { status }, MERGE_PATCH)).toMatchObject({ status: 200 });
    const { body } = await request<{ readonly spec: unknown; readonly status: unknown }>('GET', `${path}/full`);
    expect({ spec: body.spec, status: body.status }).toEqual({ spec, status });
    expect(resource.parse(body)).toEqual({ ok: true, value: { spec, status } });
  });

  test.each([
    { problem: 'bufferMin above bufferMax', resource: POOL, object: pool('bad', capacity({ bufferMin: 3 })), field: 'spec.capacitySpec.bufferMin' },
    { problem: 'poolMin above poolMax', resource: POOL, object: pool('bad', capacity({ poolMin: 5 })), field: 'spec.capacitySpec.poolMin' },
    { problem: 'no capacitySpec', resource: POOL, object: pool('bad', {}), field: 'spec.capacitySpec' },
    { problem: 'negative replicas', resource: BATCH_SANDBOX, object: batch('bad', { replicas: -1 }), field: 'spec.replicas' },
    { problem: 'fractional replicas', resource: BATCH_SANDBOX, object: batch('bad', { replicas: 1.5 }), field: 'spec.replicas' },
    { problem: 'too many replicas', resource: BATCH_SANDBOX, object: batch('bad', { replicas: 10_001 }), field: 'spec.replicas' },
    { problem: 'a text for a number', resource: BATCH_SANDBOX, object: batch('bad', { replicas: '1' }), field: 'spec.replicas' },
    { problem: 'an unknown policy', resource: BATCH_SANDBOX, object: batch('bad', { taskResourcePolicyWhenCompleted: 'Keep' }), field: 'spec.taskResourcePolicyWhenCompleted' },
    { problem: 'a date without a time', resource: BATCH_SANDBOX, object: batch('bad', { expireTime: '2026-01-01' }), field: 'spec.expireTime' },
    { problem: 'a list for a template', resource: BATCH_SANDBOX, object: batch('bad', { template: [] }), field: 'spec.template' },
    { problem: 'a text for a shard patch', resource: BATCH_SANDBOX, object: batch('bad', { shardPatches: [{}, 'x'] }), field: 'spec.shardPatches[1]' },
  ])('refuses $problem at the field where parse sees it', async ({ resource, object, field }) => {
    const { status, body } = await request<Refusal>('POST', `${NAMESPACE}/${resource.plural}`, object);
    expect({ status, fields: body.details?.causes.map((cause) => cause.field) }).toEqual({ status: 422, fields: expect.arrayContaining([field]) });
    expect(resource.parse(object)).toMatchObject({ ok: false, problems: [{ path: field }] });
  });

  test('fills in defaults and drops unknown fields, outside of the kept ones', async () => {
    const spec = { unknown: 1, template: { unknown: 1 }, shardPatches: [null, { unknown: 1 }] };
    const { body } = await request<{ readonly spec: unknown }>('POST', `${NAMESPACE}/batchsandboxes`, batch('defaults', spec));
    const kept = { replicas: 1, taskResourcePolicyWhenCompleted: 'Retain', template: spec.template, shardPatches: spec.shardPatches };
    expect(body.spec).toEqual(kept);
    expect(BATCH_SANDBOX.parse({ spec })).toEqual({ ok: true, value: { spec: kept } });
  });
}
