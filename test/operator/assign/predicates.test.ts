import type { PoolOffer, PoolRequest } from '../../../operator/assign/offer';
import { unsuitable } from '../../../operator/assign/predicates';
import { type AssignProfile, BUILT_IN_PROFILE } from '../../../operator/assign/profile';
import { factsOf, offer, requestOf } from './requests';

const only = (predicate: AssignProfile['predicates'][number], labelKeys: readonly string[] = []): AssignProfile => ({ ...BUILT_IN_PROFILE, predicates: [predicate], labelKeys });
const requests = (...containers: Record<string, string | number>[]) => factsOf(containers.map((amounts) => ['python', amounts] as const));

test.each<[string, PoolRequest, PoolOffer, string | undefined]>([
  ['the same image', requestOf({ template: factsOf(['python']) }), offer(), undefined],
  ['one image of several is one of several', requestOf({ template: factsOf(['a', 'b']) }), offer({ template: factsOf(['c', 'b']) }), undefined],
  ['another image', requestOf({ template: factsOf(['python:3.13']) }), offer(), 'no image in common'],
  ['the image of an init container only', requestOf({ template: factsOf(['a'], { initContainers: [{ name: 'i', image: 'python' }] }) }), offer(), 'no image in common'],
  ['no template', requestOf(), offer(), undefined],
])('image: %s (R74, R75)', (_, request, pool, wanted) => {
  expect(unsuitable(request, pool, only('image'))).toBe(wanted);
});

test.each<[string, PoolRequest, PoolOffer, string | undefined]>([
  ['equal requests', requestOf({ template: requests({ cpu: '1', memory: '1Gi' }) }), offer({ template: requests({ cpu: 1, memory: '1024Mi' }) }), undefined],
  ['more in the Pool', requestOf({ template: requests({ cpu: '500m' }) }), offer({ template: requests({ cpu: '0.6', memory: '1' }) }), undefined],
  ['sums of containers, exactly', requestOf({ template: requests({ cpu: '0.1' }, { cpu: '0.2' }) }), offer({ template: requests({ cpu: '300m' }) }), undefined],
  ['sums of containers of the Pool', requestOf({ template: requests({ cpu: '1' }) }), offer({ template: requests({ cpu: '500m' }, { cpu: '500m' }) }), undefined],
  ['less of one resource', requestOf({ template: requests({ cpu: '1', memory: '2Gi' }) }), offer({ template: requests({ cpu: '1', memory: '2G' }) }), 'less memory requested'],
  ['a resource that the Pool does not request', requestOf({ template: requests({ 'example.com/gpu': 1 }) }), offer(), 'less example.com/gpu requested'],
  ['nothing requested', requestOf({ template: factsOf(['a']) }), offer(), undefined],
  ['no template', requestOf(), offer(), undefined],
])('resource: %s (R74, R75)', (_, request, pool, wanted) => {
  expect(unsuitable(request, pool, only('resource'))).toBe(wanted);
});

const selecting = (nodeSelector: Record<string, string>, required?: object) =>
  factsOf(['a'], { nodeSelector, ...(required !== undefined && { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } }) });
const onSsd = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] }] };
const NOT_FOR = 'not for the nodes that it selects';

test.each<[string, PoolRequest, PoolOffer, string | undefined]>([
  ['labels of the Pool', requestOf({ template: selecting({ disk: 'ssd' }) }), offer({ labels: { disk: 'ssd' } }), undefined],
  ['node selector of its template', requestOf({ template: selecting({ disk: 'ssd' }) }), offer({ template: selecting({ disk: 'ssd' }) }), undefined],
  ['that overlays its labels', requestOf({ template: selecting({ disk: 'ssd' }) }), offer({ labels: { disk: 'ssd' }, template: selecting({ disk: 'hdd' }) }), NOT_FOR],
  ['affinity', requestOf({ template: selecting({}, onSsd) }), offer({ labels: { disk: 'ssd' } }), undefined],
  ['affinity that does not hold', requestOf({ template: selecting({}, onSsd) }), offer({ labels: { disk: 'hdd' } }), NOT_FOR],
  ['nothing selected', requestOf({ template: factsOf(['a']) }), offer({ labels: { disk: 'hdd' } }), undefined],
  ['no template', requestOf(), offer(), undefined],
])('nodeselector: %s (R74, R75)', (_, request, pool, wanted) => {
  expect(unsuitable(request, pool, only('nodeselector'))).toBe(wanted);
});

test.each<[string, Record<string, string>, Record<string, string>, string | undefined]>([
  ['the same value', { tier: 'a', other: 'x' }, { tier: 'a' }, undefined],
  ['another value', { tier: 'a' }, { tier: 'b' }, 'no label tier in common'],
  ['none on the batch', {}, { tier: 'a' }, 'no label tier in common'],
  ['none on the Pool', { tier: 'a' }, {}, 'no label tier in common'],
  ['none on either', {}, {}, 'no label tier in common'],
  ['empty values', { tier: '' }, { tier: '' }, undefined],
])('labelselector: %s (R75)', (_, batch, pool, wanted) => {
  expect(unsuitable(requestOf({ labels: batch }), offer({ labels: pool }), only('labelselector', ['tier']))).toBe(wanted);
});

test('labelselector: every key counts, and without keys all suit (R75)', () => {
  const [request, pool] = [requestOf({ labels: { a: '1', b: '1' } }), offer({ labels: { a: '1', b: '2' } })];
  expect([[], ['a'], ['a', 'b']].map((keys) => unsuitable(request, pool, only('labelselector', keys)))).toEqual([undefined, undefined, 'no label b in common']);
});

test('predicates hold together, and the first that does not is told (R73)', () => {
  const request = requestOf({ template: factsOf([['other', { cpu: 1 }]], { nodeSelector: { disk: 'ssd' } }) });
  expect(unsuitable(request, offer(), BUILT_IN_PROFILE)).toBe('no image in common');
  expect(unsuitable(request, offer(), { ...BUILT_IN_PROFILE, predicates: ['nodeselector', 'image'] })).toBe(NOT_FOR);
  expect(unsuitable(request, offer(), { ...BUILT_IN_PROFILE, predicates: [] })).toBeUndefined();
});
