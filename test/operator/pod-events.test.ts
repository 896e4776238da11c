import { ApiError } from '../../operator/kube/api-error';
import { describeCreated, describeQuota, describeRefused } from '../../operator/pod-events';

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

test.each<[string, unknown, string | undefined]>([
  [
    'that is used up',
    new ApiError(403, 'Forbidden', 'POST /pods: HTTP 403: pods "b-0" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=7, limited: pods=7'),
    "quota 'compute' of the namespace is used up, so its pods are refused; raise it, or delete what uses it",
  ],
  [
    'that wants to know more',
    new ApiError(403, 'Forbidden', 'POST /pods: HTTP 403: pods "b-0" is forbidden: failed quota: compute: must specify limits.memory for: sandbox'),
    "quota 'compute' of the namespace refuses its pods: must specify limits.memory for: sandbox",
  ],
  ['of whom nothing more is said', new ApiError(403, 'Forbidden', 'exceeded quota'), 'a quota of the namespace is used up, so its pods are refused; raise it, or delete what uses it'],
  ['by its words alone', new ApiError(403, 'Forbidden', 'denied by a policy'), undefined],
  ['by its status too', new ApiError(500, 'InternalError', 'exceeded quota: compute'), undefined],
  ['but no other error', new Error('exceeded quota: compute'), undefined],
])('a quota is told from other refusals: one %s', (_title, error, want) => {
  expect(describeQuota(error)).toBe(want);
});
