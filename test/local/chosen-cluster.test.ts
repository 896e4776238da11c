import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Annotation } from '../../src/schema/names';
import { FakeApi, json, refuse } from '../support/fake-api';
import { runSandboxes } from '../support/sandboxes';

let fake: FakeApi;
let folder: string;
let kubeconfig: string;

beforeEach(async () => {
  fake = await FakeApi.start();
  folder = mkdtempSync(join(tmpdir(), 'chosen-cluster-'));
  kubeconfig = join(folder, 'kubeconfig');
  const named = (value: object) => [{ name: 'c', ...value }];
  const config = { apiVersion: 'v1', kind: 'Config', 'current-context': 'c', contexts: named({ context: { cluster: 'c', user: 'c' } }), clusters: named({ cluster: { server: fake.url } }), users: named({ user: {} }) };
  writeFileSync(kubeconfig, JSON.stringify(config));
});
afterEach(async () => {
  await fake.stop();
  rmSync(folder, { recursive: true });
});

test.each([
  [404, 'NotFound'],
  [403, 'Forbidden'],
])('status tells what a cluster answers that runs, and does not ask whether it runs: %i', async (code, reason) => {
  fake.always(refuse(code, reason));
  const stderr = expect.stringMatching(new RegExp(`^sandboxes: GET \\S+: HTTP ${code}: refused: ${reason}\n$`)) as string;
  expect(await runSandboxes(['status', '--kubeconfig', kubeconfig])).toMatchObject({ code: 1, stdout: '', stderr });
});

test.each([
  ['the Secret of the operator', '/secrets', /^sandboxes: logs: expected to read the key of the operator, .*HTTP 403.*; --operator-namespace says where it is\n$/],
  ['the batch', '/batchsandboxes/dice', /^sandboxes: GET \S+\/batchsandboxes\/dice: HTTP 403: refused: Forbidden\n$/],
])('logs says what is hidden from its user: %s', async (_title, hidden, message) => {
  const batch = { metadata: { name: 'dice', annotations: { [Annotation.endpoints]: '["127.9.0.1"]' } }, spec: {} };
  fake.always((request, response) => (request.path.endsWith(hidden) ? refuse(403, 'Forbidden') : json(batch))(request, response));
  expect(await runSandboxes(['logs', 'dice-0', '--kubeconfig', kubeconfig])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(message) as string });
});
