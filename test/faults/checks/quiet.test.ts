import type { SentRequest } from './evidence';
import { QuietCheck } from './quiet';

const PODS = '/api/v1/namespaces/default/pods';

const request = (method: string, path: string): SentRequest => ({ method, path, body: '' });

test.each<[string, string, string, number]>([
  ['a write of an operator ends it', 'operator-0', '/apis/things', 2_000],
  ['a lease does not', 'operator-0', '/apis/coordination.k8s.io/v1/namespaces/default/leases/x', 5_000],
  ['a kubelet does not', 'kubelet', PODS, 5_000],
])('time is quiet until %s', (_, client, path, want) => {
  let nowMs = 3_000;
  const check = new QuietCheck(() => nowMs);
  check.judgeRequest(client, request('PATCH', path));
  nowMs = 5_000;
  expect(check.quietMs(0)).toBe(want);
  expect(check.quietMs(4_500)).toBe(500);
});

test.each<[string, string, string]>([
  ['R64', 'POST', PODS],
  ['R64', 'DELETE', `${PODS}/x`],
  ['R97', 'PATCH', `${PODS}/x`],
  ['R97', 'PATCH', '/apis/things/x/status'],
])('breaks %s when the last is %s %s', (rule, method, path) => {
  const check = new QuietCheck(() => 0);
  check.judgeRequest('operator-0', request(method, path));
  expect(check.violation()).toEqual({ rule, message: `the operator still writes, at last ${method} ${path}` });
});
