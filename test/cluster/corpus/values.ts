import { App, Chart } from 'cdk8s';
import * as fc from 'fast-check';
import { BATCH_SANDBOX, POOL } from '../../../src/schema/crds';
import { ApiClient } from '../../support/api-client';
import { type ApiTarget, startEmbeddedApi } from '../../support/api-under-test';
import { nearlyValid } from '../../support/nearly-valid';
import { problemsOf } from '../../support/synth';
import { inParallel, until } from '../../support/waiting';
import { BUILD_TIMEOUT_MS } from '../programs';
import { FIELD_CASES } from './cases';
import { DIFFERENCES, uncheckedManifest } from './differences';
import { type CorpusServer, createCrds } from './server';
import { agree, ApiJudge, type Candidate, type Verdict, verdictOfSchema } from './verdict';

/** Requests in flight to each API server. */
const AT_ONCE = 16;
/** Generated objects of each kind and part. */
const GENERATED = 150;
const SEED = 20260101;

/** Judges of each side, with one object of each kind stored. */
let real: ApiJudge;
let embedded: ApiJudge;

/** Whether the schema, real Kubernetes and the embedded API judge values of our kinds alike. */
export function describeValues(server: CorpusServer): void {
  let api: ApiTarget | undefined;
  let client: ApiClient | undefined;

  beforeAll(async () => {
    real = await judgeWithObjects(server().client);
    api = await startEmbeddedApi();
    client = new ApiClient(api.kubeconfigPath);
    await createCrds(client);
    embedded = await judgeWithObjects(client);
  }, BUILD_TIMEOUT_MS);

  afterAll(async () => {
    await client?.close();
    await api?.stop();
  });

  describe.each(FIELD_CASES)('$resource.kind $field', ({ resource, part, with: around, right, wrong }) => {
    const candidatesOf = (values: readonly unknown[]) => values.map((value): Candidate => ({ resource, part, value: around(value) }));
    const show = (value: unknown) => (value === undefined ? 'left out' : (JSON.stringify(value) ?? '')).slice(0, 100);

    test('takes the same values everywhere, and makes the same of them', async () => {
      const verdicts = Object.entries(await judgeAll(candidatesOf([...right, ...wrong])));
      const accepted = verdicts.map(([judge, given]) => [judge, [...right, ...wrong].filter((_, index) => given[index]?.accepted).map(show)]);
      expect(Object.fromEntries(accepted)).toEqual(Object.fromEntries(verdicts.map(([judge]) => [judge, right.map(show)])));
      const values = verdicts.map(([judge, given]) => [judge, given.slice(0, right.length)]);
      expect(Object.fromEntries(values)).toEqual(Object.fromEntries(verdicts.map(([judge]) => [judge, verdicts[0]?.[1].slice(0, right.length)])));
    });
  });

  test.each([
    ['a Pool', POOL, { unknown: 1, capacitySpec: { bufferMin: 0, bufferMax: 1, poolMin: 0, poolMax: 1, unknown: 1 }, template: { unknown: 1 }, recycleStrategy: { unknown: 1 } }],
    ['a BatchSandbox', BATCH_SANDBOX, { unknown: 1, template: { unknown: { deep: null } }, shardPatches: [null, { unknown: null }] }],
  ])('%s loses the same unknown fields everywhere when nobody asks for strictness', async (_, resource, value) => {
    const candidate: Candidate = { resource, part: 'spec', value };
    const ours = verdictOfSchema(candidate, 'dropped');
    expect(ours).toMatchObject({ accepted: true });
    expect(await Promise.all([real, embedded].map((judge) => judge.judge(candidate, 'Ignore')))).toEqual([ours, ours]);
  });

  test('takes the same numbers of replicas from the scale subresource', async () => {
    const right = [0, 1, 9_999, 10_000, null];
    const numbers = [...right, -1, 10_001, 2147483647, 2147483648, 1.5, '1', true, [], {}];
    const accepted = (verdicts: readonly Verdict[]) => numbers.filter((_, index) => verdicts[index]?.accepted);
    const scaled = (judge: ApiJudge) => inParallel(numbers, 1, (replicas) => judge.scale(BATCH_SANDBOX, replicas));
    expect(accepted(numbers.map((replicas) => verdictOfSchema({ resource: BATCH_SANDBOX, part: 'spec', value: { replicas } })))).toEqual(right);
    expect([accepted(await scaled(real)), accepted(await scaled(embedded))]).toEqual([right, right]);
  });

  describe('what is refused on purpose', () => {
    test.each(DIFFERENCES)('$what: $reason', async (difference) => {
      const { metadata, spec } = uncheckedManifest(difference, new Chart(new App(), 'web'));
      expect(problemsOf(difference.build)).toEqual([expect.stringMatching(difference.problem)]);
      expect(await Promise.all([real, embedded].map((judge) => judge.create(difference.resource, metadata, spec)))).toMatchObject([{ accepted: true }, { accepted: true }]);
    });

    test('a list where a time belongs: real Kubernetes looks at no type where a format is, and the operator at each', async () => {
      const candidate: Candidate = { resource: BATCH_SANDBOX, part: 'spec', value: { expireTime: [] } };
      const verdicts = [verdictOfSchema(candidate), await embedded.judge(candidate), await real.judge(candidate)];
      expect(verdicts.map(({ accepted }) => accepted)).toEqual([false, false, true]);
    });
  });

  test.each([
    { resource: POOL, part: 'spec' },
    { resource: POOL, part: 'status' },
    { resource: BATCH_SANDBOX, part: 'spec' },
    { resource: BATCH_SANDBOX, part: 'status' },
  ] as const)('agrees on each of many generated values: $part of a $resource.kind', async ({ resource, part }) => {
    const values = fc.sample(nearlyValid(resource[part]), { seed: SEED, numRuns: GENERATED });
    const candidates = values.map((value): Candidate => ({ resource, part, value }));
    const { 'the schema': ours = [], ...others } = await judgeAll(candidates);
    const disputed = Object.entries(others).flatMap(([judge, theirs]) =>
      candidates.flatMap(({ value }, index) => {
        const [our, their] = [ours[index], theirs[index]];
        return our !== undefined && their !== undefined && agree(our, their) ? [] : [{ judge, value: JSON.stringify(value), our, their }];
      }),
    );
    // The shortest says most.
    expect(disputed.sort((a, b) => (a.value ?? '').length - (b.value ?? '').length).slice(0, 3)).toEqual([]);
    const acceptedShare = ours.filter(({ accepted }) => accepted).length / GENERATED;
    // Neither side of the border is left unvisited.
    expect(acceptedShare).toBeGreaterThan(0.1);
    expect(acceptedShare).toBeLessThan(0.9);
  });
}

/** A judge whose API server has one object of each kind. */
async function judgeWithObjects(client: ApiClient): Promise<ApiJudge> {
  const judge = new ApiJudge(client);
  await until(() => judge.store(POOL, { capacitySpec: { bufferMin: 1, bufferMax: 1, poolMin: 1, poolMax: 1 } }));
  await until(() => judge.store(BATCH_SANDBOX, { poolRef: 'some', taskResourcePolicyWhenCompleted: 'Release', pause: true }));
  return judge;
}

/** Verdicts on all candidates, by everybody who gives one. */
async function judgeAll(candidates: readonly Candidate[]): Promise<Readonly<Record<string, readonly Verdict[]>>> {
  const updates = (judge: ApiJudge) => inParallel(candidates, AT_ONCE, (candidate) => judge.update(candidate));
  const creates = (judge: ApiJudge) => inParallel(candidates, AT_ONCE, (candidate) => judge.judge(candidate));
  // A status is judged on an update in any case.
  const isSpec = candidates[0]?.part === 'spec';
  return {
    'the schema': candidates.map((candidate) => verdictOfSchema(candidate)),
    'real Kubernetes': await creates(real),
    'the embedded API': await creates(embedded),
    ...(isSpec && { 'real Kubernetes, on an update': await updates(real), 'the embedded API, on an update': await updates(embedded) }),
  };
}
