import { DEFAULT_RESTART_CONFIG, parseRestartConfig, type RestartConfig } from '../../../operator/recycle/restart-config';

const FIELD = "metadata.annotations['sandbox.opensandbox.io/restart-config']";

test.each<[string, string | undefined, Partial<RestartConfig>]>([
  ['nothing', undefined, {}],
  ['an empty object', '{}', {}],
  ['everything', '{"blacklist":["side"],"retryInterval":"1m30s","maxRetries":0,"restartCommand":["/bin/stop","now"]}', { blacklist: ['side'], retryIntervalMs: 90_000, maxRetries: 0, restartCommand: ['/bin/stop', 'now'] }],
  ['one field', '{"maxRetries":7}', { maxRetries: 7 }],
  ['a field that nobody knows', '{"retries":7}', {}],
])('reads %s without a complaint (R54)', (_title, text, want) => {
  expect(parseRestartConfig(text)).toEqual({ config: { ...DEFAULT_RESTART_CONFIG, ...want }, problems: [] });
});

test.each([
  ['text that is no JSON', 'kill 1', [`${FIELD}: expected a JSON object, got 'kill 1'`]],
  ['a list', '["kill"]', [`${FIELD}: expected a JSON object, got '["kill"]'`]],
  ['a list of numbers', '{"blacklist":[1]}', [`${FIELD}.blacklist: expected a list of container names, got '[1]'`]],
  ['a time without a unit', '{"retryInterval":"30"}', [`${FIELD}.retryInterval: expected a duration of 1s or more, got '"30"'`]],
  ['a time that is a number', '{"retryInterval":30}', [`${FIELD}.retryInterval: expected a duration of 1s or more, got '30'`]],
  ['a time that would make a storm', '{"retryInterval":"10ms"}', [`${FIELD}.retryInterval: expected a duration of 1s or more, got '"10ms"'`]],
  ['a count below 0', '{"maxRetries":-1}', [`${FIELD}.maxRetries: expected a whole number from 0, got '-1'`]],
  ['a command that is text', '{"restartCommand":"kill 1"}', [`${FIELD}.restartCommand: expected a program and its arguments, got '"kill 1"'`]],
  ['a command without a program', '{"restartCommand":[]}', [`${FIELD}.restartCommand: expected a program and its arguments, got '[]'`]],
])('takes the default for %s, and says so (R54, R126)', (_title, text, problems) => {
  expect(parseRestartConfig(text)).toEqual({ config: DEFAULT_RESTART_CONFIG, problems });
});

test('what is wrong in one field changes no other, and all of it is told at once (R54)', () => {
  const { config, problems } = parseRestartConfig('{"blacklist":"side","maxRetries":"3","retryInterval":"5s"}');
  expect(config).toEqual({ ...DEFAULT_RESTART_CONFIG, retryIntervalMs: 5_000 });
  expect(problems).toHaveLength(2);
});
