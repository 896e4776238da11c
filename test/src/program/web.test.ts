import { once } from 'node:events';
import { connect } from 'node:net';
import { sendNoise } from '../../support/http-noise';
import { healthRoutes, metricsRoutes, serveRoutes } from '../../../src/program/web';

describe('healthRoutes', () => {
  test('is healthy while it answers, and ready without reasons against it', async () => {
    const reasons: string[] = [];
    const routes = healthRoutes(() => reasons);
    expect((await routes.request('/healthz')).status).toBe(200);
    expect((await routes.request('/readyz')).status).toBe(200);
    reasons.push('pods: not listed yet', 'pools: not listed yet');
    const answer = await routes.request('/readyz');
    expect([answer.status, await answer.text()]).toEqual([503, 'pods: not listed yet\npools: not listed yet\n']);
    expect((await routes.request('/healthz')).status).toBe(200);
  });
});

describe('metricsRoutes', () => {
  test('serves the text of the registry under its content type', async () => {
    const answer = await metricsRoutes({ contentType: 'text/plain; version=0.0.4', metrics: () => Promise.resolve('a 1\n') }).request('/metrics');
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, 'text/plain; version=0.0.4', 'a 1\n']);
  });
});

describe('serveRoutes', () => {
  test('listens on a free port and ends while a client holds its connection', async () => {
    const server = await serveRoutes(healthRoutes(() => []), { host: '127.0.0.1', port: 0 });
    const url = `http://127.0.0.1:${server.port}/healthz`;
    expect((await fetch(url)).status).toBe(200);
    await server.close();
    await expect(fetch(url)).rejects.toThrow();
  });

  test('lives through what is no HTTP, and through a flood of connections that say nothing', async () => {
    const server = await serveRoutes(metricsRoutes({ contentType: 'text/plain', metrics: () => Promise.resolve('a 1\n') }), { host: '127.0.0.1', port: 0 });
    await sendNoise(server.port, 60);
    const silent = Array.from({ length: 300 }, () => connect(server.port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(silent.slice(0, 40).map((socket) => once(socket.resume(), 'close')));
    expect(await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()).toBe('a 1\n');
    for (const socket of silent) socket.destroy();
    await server.close();
  });

  test('fails when the port is taken', async () => {
    const server = await serveRoutes(healthRoutes(() => []), { host: '127.0.0.1', port: 0 });
    await expect(serveRoutes(healthRoutes(() => []), { host: '127.0.0.1', port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await server.close();
  });
});
