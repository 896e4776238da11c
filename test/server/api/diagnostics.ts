import type { DiagnosticsReply } from '../../../src/schema/lifecycle-diagnostics';
import { until } from '../../support/waiting';
import type { ServerUnderTest } from './server-under-test';

/** Diagnostics, and what is not offered yet. */
export function diagnosticsSuite(server: ServerUnderTest): void {
  describe('diagnostics', () => {
    test('find the pod of a pooled sandbox, and tell its state and events (L49)', async () => {
      const { id } = await server.create();
      await until(async () => expect((await server.send<string>('GET', `/v1/sandboxes/${id}/diagnostics/events`)).body).toContain('PodsAllocated'));
      const inspected = await server.send<string>('GET', `/v1/sandboxes/${id}/diagnostics/inspect`);
      expect(inspected.body).toMatch(new RegExp(`^sandbox: ${id}\n[^]*state: Running RUNNING\n[^]*pod: warm-`));
      expect(inspected.headers.get('deprecation')).toBe('true');
      const { body } = await server.send<DiagnosticsReply>('GET', `/v1/sandboxes/${id}/diagnostics/events?scope=runtime&limit=1`);
      expect(body).toMatchObject({ sandboxId: id, kind: 'events', scope: 'runtime', delivery: 'inline', truncated: false, contentLength: Buffer.byteLength(body.content) });
      expect((await server.send<string>('GET', `/v1/sandboxes/${id}/diagnostics/summary?tail=5`)).body).toContain('# events\n');
    });

    test('of a log that is not there yet are empty, and refuse a scope that nobody knows', async () => {
      const { id } = await server.create();
      expect(await server.send('GET', `/v1/sandboxes/${id}/diagnostics/logs?since=10m`)).toMatchObject({ status: 200, body: '' });
      expect(await server.send('GET', `/v1/sandboxes/${id}/diagnostics/logs?scope=all`)).toMatchObject({ status: 200, body: { kind: 'logs', scope: 'all' } });
      expect(await server.send('GET', `/v1/sandboxes/${id}/diagnostics/logs?scope=disk`)).toMatchObject({ status: 400, body: { code: 'DIAGNOSTICS_SCOPE_UNSUPPORTED' } });
      expect(await server.send('GET', '/v1/sandboxes/none/diagnostics/logs')).toMatchObject({ status: 404, body: { code: 'KUBERNETES::SANDBOX_NOT_FOUND' } });
    });
  });

  test('pause, resume and snapshots say honestly that they are not there, and change nothing', async () => {
    const { id } = await server.create();
    // The operator may still have something to say of it in its status.
    const observe = async () => {
      const { spec, metadata: { generation, labels, annotations, deletionTimestamp } } = await server.world.operator.batch(id);
      return { spec, generation, labels, annotations, deletionTimestamp };
    };
    const before = await observe();
    for (const verb of ['pause', 'resume']) {
      expect(await server.send('POST', `/v1/sandboxes/${id}/${verb}`)).toMatchObject({ status: 400, body: { code: 'KUBERNETES::INVALID_STATE' } });
      expect(await server.send('POST', `/v1/sandboxes/none/${verb}`)).toMatchObject({ status: 404, body: { code: 'KUBERNETES::SANDBOX_NOT_FOUND' } });
    }
    for (const [method, path] of [['POST', `/sandboxes/${id}/snapshots`], ['GET', '/snapshots'], ['GET', '/snapshots/s'], ['DELETE', '/snapshots/s']] as const) {
      expect(await server.send(method, `/v1${path}`)).toMatchObject({ status: 501, body: { code: 'SNAPSHOT::NOT_IMPLEMENTED' } });
    }
    expect(await observe()).toEqual(before);
  });

  test('metrics count requests, creates and refusals, and name no sandbox (L45)', async () => {
    const { id } = await server.create();
    await server.send('GET', '/v1/sandboxes', { headers: { 'open-sandbox-api-key': '' } });
    const text = await server.world.server.metrics.registry.metrics();
    expect(text).toMatch(/opensandbox_server_create_duration_seconds_count\{mode="pool",result="ready"\} \d+/);
    expect(text).toMatch(/opensandbox_server_request_duration_seconds_count\{operation="createSandbox",status="202"\} \d+/);
    expect(text).toMatch(/opensandbox_server_rejections_total\{reason="key"\} \d+/);
    expect(text).toMatch(/opensandbox_server_watch_age_seconds\{kind="batchsandboxes"\} [\d.]+/);
    expect(text).not.toContain(id);
  });
}
