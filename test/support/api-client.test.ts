import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from './api-client';

const folder = mkdtempSync(join(tmpdir(), 'api-client-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a client is told of a server that gives these answers one after the other, and how many it took. */
async function ask(...answers: readonly (readonly [status: number, retryAfter?: string])[]): Promise<{ readonly status: number; readonly asked: number }> {
  let asked = 0;
  const server = createServer((_request, response) => {
    const [status, retryAfter] = answers[asked++] ?? [500];
    response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify({ clusters: [{ cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } }], users: [{ user: {} }] }));
  const client = new ApiClient(kubeconfig);
  try {
    const { status } = await client.request('GET', '/api/v1/pods');
    return { status, asked };
  } finally {
    await client.close();
    await new Promise((resolve) => server.close(resolve));
  }
}

test('what a busy server asks to send again is sent again, up to ten times', async () => {
  expect(await ask([429, '0.01'], [429, '0.01'], [200])).toEqual({ status: 200, asked: 3 });
  expect(await ask(...Array.from({ length: 12 }, () => [429, '0.001'] as const))).toEqual({ status: 429, asked: 11 });
});

test('every other answer is shown as it is', async () => {
  expect(await ask([429], [200])).toEqual({ status: 429, asked: 1 }); // such as an eviction that a budget refuses
  expect(await ask([503, '1'], [200])).toEqual({ status: 503, asked: 1 });
});
