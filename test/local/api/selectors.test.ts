import { builtInKinds } from '../../../local/api/built-in-kinds';
import { parseFieldSelector, parseLabelSelector } from '../../../local/api/selectors';
import type { ApiObject } from '../../../local/api/api-object';

const pods = builtInKinds().find(({ plural }) => plural === 'pods');
if (pods === undefined) throw new Error('built-in kinds: expected pods among them');

const pod: ApiObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', labels: { app: 'web', size: '5', 'example.com/x': '' } },
  spec: { nodeName: 'node' },
  status: { phase: 'Running' },
};

test.each([
  ['', true],
  ['app=web', true],
  ['app==web,size=5', true],
  ['app=web,size=6', false],
  ['app != db', true],
  ['missing!=db', true],
  ['app in (db, web)', true],
  ['app notin (db,web)', false],
  ['missing notin (db)', true],
  ['example.com/x', true],
  ['example.com/x=', true],
  ['!app', false],
  ['!missing', true],
  ['size>4', true],
  ['size<5', false],
  ['missing>1', false],
])('label selector %j: %p', (text, selected) => {
  expect(parseLabelSelector(text)(pod)).toBe(selected);
});

test.each(['a b', 'a in b', '=x', 'a=b=c'])('label selector %j can not be read', (text) => {
  expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ code: 400 }));
});

test.each([
  ['metadata.name=p', true],
  ['metadata.namespace==n,spec.nodeName=node', true],
  ['status.phase!=Running', false],
  ['status.podIP=', true],
])('field selector %j: %p', (text, selected) => {
  expect(parseFieldSelector(text, pods)(pod)).toBe(selected);
});

test('a field that the kind does not offer is refused', () => {
  expect(() => parseFieldSelector('spec.hostname=x', pods)).toThrow('field label not supported: spec.hostname');
});
