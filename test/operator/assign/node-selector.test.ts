import { selectsNode } from '../../../operator/assign/node-selector';
import type { TemplateFacts } from '../../../operator/assign/template-facts';
import type { NodeSelectorTerm } from '../../../src/schema/pod-template';

const LABELS = { disk: 'ssd', cores: '8', zone: '' };

/** Whether one expression holds for {@link LABELS}. */
const holds = (key: string, operator: string, ...values: (string | null)[]) => selects([{ matchExpressions: [{ key, operator, values }] } as NodeSelectorTerm]);
const selects = (nodeTerms: TemplateFacts['nodeTerms'], nodeSelector: TemplateFacts['nodeSelector'] = {}) => selectsNode({ nodeSelector, nodeTerms }, LABELS);

test.each<[string, (string | null)[], boolean, boolean]>([
  // operator, values, with disk=ssd, without the label
  ['In', ['ssd', 'hdd'], true, false],
  ['In', ['hdd'], false, false],
  ['In', [], false, false],
  ['NotIn', ['ssd'], false, true],
  ['NotIn', ['hdd'], true, true],
  ['Exists', [], true, false],
  ['DoesNotExist', [], false, true],
  ['Gt', ['1'], false, false],
])('%s %j holds for the label it names: %p, for a missing label: %p (R75)', (operator, values, present, absent) => {
  expect([holds('disk', operator, ...values), holds('color', operator, ...values)]).toEqual([present, absent]);
});

test.each<[string, (string | null)[], boolean]>([
  ['Gt', ['7'], true],
  ['Gt', ['8'], false],
  ['Lt', ['9'], true],
  ['Lt', ['8'], false],
  ['Gt', ['-5'], true],
  ['Gt', ['+7'], true],
  ['Lt', ['9223372036854775807'], true],
  ['Lt', ['9223372036854775808'], false], // more than 64 bits
  ['Gt', ['7.5'], false],
  ['Gt', ['x'], false],
  ['Gt', [], false],
  ['Gt', ['1', '2'], false],
])('a label of 8 is %s %j: %p (R75)', (operator, values, wanted) => {
  expect(holds('cores', operator, ...values)).toBe(wanted);
});

test('null among the values is an empty text, as for the API server (R75)', () => {
  expect([holds('zone', 'In', null), holds('disk', 'In', null)]).toEqual([true, false]);
});

test('names of object members are no labels (R75)', () => {
  expect([holds('constructor', 'Exists'), selects(undefined, { toString: 'x' })]).toEqual([false, false]);
});

const fits: NodeSelectorTerm = { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] };
const fails: NodeSelectorTerm = { matchExpressions: [{ key: 'disk', operator: 'In', values: ['hdd'] }] };

test.each<[string, TemplateFacts['nodeTerms'], boolean]>([
  ['without affinity', undefined, true],
  ['terms are alternatives', [fails, fits], true],
  ['no term holds', [fails], false],
  ['expressions of a term hold together', [{ matchExpressions: [...(fits.matchExpressions ?? []), ...(fails.matchExpressions ?? [])] }], false],
  ['no terms', [], false],
  ['an empty term', [{}, null], false],
  ['a term that names a node', [{ ...fits, matchFields: [{ key: 'metadata.name' }] }], false],
])('%s: %p (R75)', (_, terms, wanted) => {
  expect(selects(terms)).toBe(wanted);
});

test('the node selector holds when every label has its value, and together with the affinity (R75)', () => {
  expect([
    selects(undefined, { disk: 'ssd', cores: '8' }),
    selects(undefined, { disk: 'ssd', cores: '9' }),
    selects(undefined, { color: 'red' }),
    selects([fits], { disk: 'ssd' }),
    selects([fails], { disk: 'ssd' }),
  ]).toEqual([true, false, false, true, false]);
});
