import { once } from 'node:events';
import { get, IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { totalmem } from 'node:os';
import { readCgroup } from '../../../executor/execd/metrics/cgroup';
import { Metrics } from '../../../executor/execd/metrics/metrics';
import { metricsRoutes } from '../../../executor/execd/metrics/routes';
import { hostSandbox } from '../../../executor/execd/sandbox';
import type { ExecdMetrics } from '../../../src/schema/execd-api';
import { ManualClock } from '../../support/manual-clock';
import { until } from '../../support/waiting';
import { AppInProcess } from './app-in-process';

const V2 = { 'memory.current': '1000\n', 'memory.max': '5000\n', 'memory.stat': 'anon 1\ninactive_file 300\n', 'cpu.stat': 'usage_usec 77\nuser_usec 1\n', 'cpu.max': '50000 100000\n' };
const V1 = {
  'memory/memory.usage_in_bytes': '1000\n',
  'memory/memory.limit_in_bytes': '5000\n',
  'memory/memory.stat': 'inactive_file 1\ntotal_inactive_file 300\n',
  'cpuacct/cpuacct.usage': '77000\n',
  'cpu/cpu.cfs_quota_us': '50000\n',
  'cpu/cpu.cfs_period_us': '100000\n',
};
const USE = { memoryBytes: 700, memoryLimitBytes: 5000, cpuUs: 77, cpuLimit: 0.5 };

test.each<[string, Readonly<Record<string, string>>, object]>([
  ['version 2', V2, USE],
  ['version 1', V1, USE],
  ['version 2 without limits', { ...V2, 'memory.max': 'max\n', 'cpu.max': 'max 100000\n' }, { ...USE, memoryLimitBytes: undefined, cpuLimit: undefined }],
  ['version 1 without limits', { ...V1, 'memory/memory.limit_in_bytes': '9223372036854771712\n', 'cpu/cpu.cfs_quota_us': '-1\n' }, { ...USE, memoryLimitBytes: undefined, cpuLimit: undefined }],
  ['none', {}, {}],
])('cgroup of %s (E25)', async (_title, files, want) => {
  expect(await readCgroup((path) => Promise.resolve(files[path] ?? ''))).toEqual(want);
});

test('metrics have every member, once and as lines until the caller goes', async () => {
  const app = await AppInProcess.start();
  const wanted: ExecdMetrics = {
    cpu_count: expect.any(Number),
    cpu_used_pct: expect.any(Number),
    mem_total_mib: expect.any(Number),
    mem_used_mib: expect.any(Number),
    timestamp: expect.any(Number),
  };
  const metrics = (await (await app.client.ask('GET', '/metrics')).json()) as ExecdMetrics;
  expect(metrics).toEqual(wanted);
  expect([metrics.mem_total_mib <= totalmem(), metrics.mem_used_mib <= metrics.mem_total_mib, metrics.cpu_used_pct]).toEqual([true, true, 0]);
  const request = get(`${app.client.origin}/metrics/watch`);
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  response.on('error', () => undefined); // it is cut off below
  let text = '';
  response.on('data', (piece) => (text += String(piece)));
  const lines = await until(() => {
    const [first = '', second = '', ...rest] = text.split('\n');
    expect(rest.length).toBeGreaterThan(0); // there may be more by now
    return [first, second];
  });
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([wanted, wanted]);
  request.destroy();
  await app.stop();
});

test('a watch whose caller has gone before it began is over', async () => {
  const clock = new ManualClock();
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request).destroy();
  await once(response, 'close');
  const watch = metricsRoutes(new Metrics(hostSandbox({}, '/'), clock), clock)['/metrics/watch']?.['GET'];
  await watch?.({ request, response, params: {}, query: new URLSearchParams() });
  expect([typeof watch, clock.timerCount]).toEqual(['function', 0]);
});
