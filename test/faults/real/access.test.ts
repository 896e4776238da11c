import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DirectClient } from './access';

test('who insists on an answer gives up when the client is closed', async () => {
  let answers = 0;
  const server = createServer((_request, response) => {
    answers += 1;
    response.writeHead(503, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new DirectClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: '', ca: '' });
  const insisting = client.insist('GET', '/x');
  await once(server, 'request');
  await client.close();
  await expect(insisting).rejects.toThrow('client: expected no request once it is closed');
  expect(answers).toBeGreaterThan(0);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
