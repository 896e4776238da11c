import { describeCreated, describeRefused } from '../../operator/pod-events';

test.each([
  [['b-0'], "created 1 pods: 'b-0'"],
  [['b-0', 'b-1'], "created 2 pods: 'b-0', 'b-1'"],
])('pods that were made are named: %j (R5)', (names, want) => {
  expect(describeCreated(names)).toBe(want);
});

test('a message about a thousand pods with the longest names fits into an event (R5)', () => {
  const names = Array.from({ length: 1000 }, (_, index) => `${'n'.repeat(58)}-${String(index).padStart(4, '0')}`);
  const message = describeCreated(names);
  expect(message).toMatch(/^created 1000 pods: 'n+-0000', .* and 988 more$/);
  expect(message.length).toBeLessThanOrEqual(1024);
});

test('each answer of the API server is told once, with a pod that got it and how many did (R5)', () => {
  const quota = (name: string) => ({ name, reason: new Error(`pods "${name}" is forbidden: exceeded quota`) });
  expect(describeRefused([quota('b-0'), { name: 'b-1', reason: new Error('no answer') }, quota('b-2')])).toEqual([
    `pod 'b-0' not created, nor 1 more, among them 'b-2': pods "b-0" is forbidden: exceeded quota`,
    "pod 'b-1' not created: no answer",
  ]);
  expect(describeRefused([])).toEqual([]);
});
