import { type AssignProfile, BUILT_IN_PROFILE, readProfile } from '../../../operator/assign/profile';

const read = (...profiles: unknown[]) => readProfile(JSON.stringify(profiles));
const SCORE = [{ name: 'resbalance', weight: 100 }];
/** A profile that differs from the built-in one in everything. */
const OTHER = {
  name: 'default',
  plugins: { predicate: ['labelselector', 'image'], score: [{ name: 'resbalance', weight: 7.5 }] },
  pluginConf: [
    { name: 'labelselector', args: { keys: 'tier, example.com/team,' } },
    { name: 'resbalance', args: { strategy: 'MostAllocated' } },
  ],
};
const OTHER_READ: AssignProfile = { predicates: ['labelselector', 'image'], scores: [{ name: 'resbalance', weight: 7.5 }], labelKeys: ['tier', 'example.com/team'], strategy: 'MostAllocated' };

test('the built-in profile (R74)', () => {
  expect(BUILT_IN_PROFILE).toEqual({ predicates: ['image', 'resource', 'nodeselector'], scores: SCORE, labelKeys: [], strategy: 'LeastAllocated' });
});

test.each([undefined, '', ' \n'])('without text (%p) the built-in profile is used (R77)', (text) => {
  expect(readProfile(text)).toEqual({ profile: BUILT_IN_PROFILE, problems: [], skipped: [] });
});

test('the profile `default` is read, among others (R77)', () => {
  expect(read({ name: 'custom', plugins: 'of no interest' }, OTHER, { name: 'x' })).toEqual({ profile: OTHER_READ, problems: [], skipped: [] });
});

test('keys of labelselector may be a list (R77)', () => {
  expect(read({ ...OTHER, pluginConf: [{ name: 'labelselector', args: { keys: ['a', 'b'] } }] }).profile.labelKeys).toEqual(['a', 'b']);
});

test('what is left out is none, and the strategy is LeastAllocated (R77)', () => {
  expect(read({ name: 'default', plugins: {}, pluginConf: null }).profile).toEqual({ predicates: [], scores: [], labelKeys: [], strategy: 'LeastAllocated' });
});

test('of two profiles `default` the last counts (R77)', () => {
  expect(read({ name: 'default', plugins: { predicate: ['image'] } }, OTHER).profile).toEqual(OTHER_READ);
});

test('unknown names and fields are skipped and told (R77)', () => {
  const profile = { name: 'default', plugins: { predicate: ['capacity', 'image'], scores: [], score: [{ name: 'luck', weight: 1 }, ...SCORE] }, pluginConf: [{ name: 'luck', args: { seed: 1 } }] };
  expect(read(profile)).toEqual({
    profile: { predicates: ['image'], scores: SCORE, labelKeys: [], strategy: 'LeastAllocated' },
    problems: [],
    skipped: [
      "[0].plugins: expected one of the fields 'predicate', 'score', got 'scores'; did you mean 'score'?",
      "[0].plugins.predicate[0]: expected one of 'image', 'resource', 'nodeselector', 'labelselector', got 'capacity'",
      "[0].plugins.score[0].name: expected one of 'resbalance', got 'luck'",
    ],
  });
});

test.each<[string, unknown[], string[]]>([
  ['no profile of that name', [{ name: 'custom' }], ["expected a profile named 'default', got a list of 1 item"]],
  ['an empty list', [], ["expected a profile named 'default', got a list of 0 items"]],
  ['no plugins', [null, { name: 'default' }], ['[1].plugins: expected an object, got nothing']],
  [
    'wrong types, all at once',
    [{ name: 'default', plugins: { predicate: 'image', score: [{ name: 'resbalance', weight: '9' }] } }],
    ["[0].plugins.predicate: expected a list, got 'image'", "[0].plugins.score[0].weight: expected a number of at least 0, got '9'"],
  ],
  ['a negative weight', [{ name: 'default', plugins: { score: [{ name: 'resbalance', weight: -1 }] } }], ['[0].plugins.score[0].weight: expected a number of at least 0, got -1']],
  [
    'wrong arguments',
    [{ ...OTHER, pluginConf: [{ name: 'luck' }, { name: 'labelselector', args: { keys: 5 } }, { name: 'resbalance', args: { strategy: 'Most' } }] }],
    [
      '[0].pluginConf[1].args.keys: expected a list of label keys, or label keys with commas between them, got 5',
      "[0].pluginConf[2].args.strategy: expected one of 'LeastAllocated', 'MostAllocated', got 'Most'",
    ],
  ],
])('a bad text gives the built-in profile and says what is wrong where: %s (R77)', (_, profiles, problems) => {
  expect(read(...profiles)).toEqual({ profile: BUILT_IN_PROFILE, problems, skipped: [] });
});

test.each(['{"name":"default"}', '"default"', '5', 'null'])('JSON that is no list gives the built-in profile: %s (R77)', (text) => {
  expect(readProfile(text)).toMatchObject({ profile: BUILT_IN_PROFILE, problems: [expect.stringMatching(/^expected a list of profiles, got /)] });
});

test('text that is no JSON gives the built-in profile, and says so (R77)', () => {
  expect(readProfile('[{"name"')).toMatchObject({ profile: BUILT_IN_PROFILE, problems: [expect.stringMatching(/^expected JSON, got '\[\{"name"'; .*JSON/)] });
});
