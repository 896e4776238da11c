import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import ts from 'typescript';
import { z } from 'zod';
import { OperatorMetrics } from '../operator/metrics';
import { ServerMetrics } from '../server/metrics';
import { keysOf } from '../server/config/config-keys';
import { executorSettings } from '../src/schema/executor-settings';
import { operatorSettings } from '../src/schema/operator-settings';
import { serverConfig } from '../src/schema/server-config';
import { serverSettings } from '../src/schema/server-settings';
import type { Setting, SettingTable } from '../src/schema/settings';
import { readPage, tableRows } from './support/markdown';
import { ManualClock } from './support/manual-clock';
import { publicDocs } from './support/public-docs';
import { ROOT } from './support/source-imports';

describe('docs/settings.md', () => {
  const page = readPage('docs/settings.md');

  test.each([
    ['Operator', operatorSettings.table],
    ['Executor', executorSettings.table],
    ['Server', serverSettings.table],
  ] satisfies [string, SettingTable][])('%s: lists every setting as the code has it', (heading, table) => {
    expect(tableRows(page, heading)).toEqual(Object.values<Setting>(table).map(toRow));
  });

  test('lists every key of the configuration of the server as the code has it', () => {
    expect(tableRows(page, 'Configuration of the server')).toEqual(keysOf(serverConfig).map(({ path, schema, description, unused }) => [path, toDefault(schema), unused === undefined ? description : `Without effect: ${unused}.`]));
  });

  function toDefault(schema: z.ZodType): string {
    const initial = schema instanceof z.ZodDefault ? (schema.def.defaultValue as unknown) : undefined;
    return initial === undefined ? '–' : JSON.stringify(initial);
  }

  function toRow(setting: Setting): string[] {
    const { flag, env, description } = setting;
    return [flag === undefined ? '–' : `--${flag}`, env ?? '–', toForm(setting), setting.default || '–', description];
  }

  function toForm(setting: Setting): string {
    if (setting.kind !== 'integer') return setting.kind;
    const { min = 0, max } = setting;
    return max === undefined ? `integer from ${min}` : `integer from ${min} to ${max}`;
  }
});

test('docs/metrics.md lists every metric as the code has it', async () => {
  const metrics = new OperatorMetrics(new ManualClock(), 'api');
  metrics.observe({ pools: () => [], batches: () => [], watchAgesMs: () => [], queueDepths: () => [], leading: () => false });
  const server = new ServerMetrics();
  server.observe({ watchAgesMs: () => [], proxiedStreams: () => 0 });
  await expectDocumented('Operator', metrics.registry);
  await expectDocumented('Server', server.registry);
});

async function expectDocumented(heading: string, registry: Registry): Promise<void> {
  const own = (await registry.getMetricsAsJSON()).filter(({ name }) => !/^(process|nodejs)_/.test(name));
  const rows = own.map(({ name, type, help }) => [name, String(type), labelsOf(registry.getSingleMetric(name)).join(', ') || '–', help]);
  expect(tableRows(readPage('docs/metrics.md'), heading)).toEqual(rows.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)));
}

test('docs/security.md names tests that there are', () => {
  const named = [...readPage('docs/security.md').matchAll(/`((?:acceptance|cluster|executor|kubernetes|operator|server|src)\/[\w/-]+)`/g)].map(([, file]) => `test/${file}.test.ts`);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

/** Names of the labels, which the types of prom-client leave out. */
function labelsOf(metric: object | undefined): readonly string[] {
  return (metric as { readonly labelNames?: readonly string[] } | undefined)?.labelNames ?? [];
}

describe('public documentation', () => {
  const docs = publicDocs('src/index.ts');

  test('covers the constructs', () => {
    expect(docs.map(({ name }) => name)).toEqual(expect.arrayContaining(['SandboxPool', 'SandboxPoolProps.bufferMin', 'RecycleStrategy.NOOP', 'TaskShards.addShard']));
  });

  test('says of every exported symbol and its members what it is', () => {
    expect(docs.filter(({ text }) => text === '').map(({ name }) => name)).toEqual([]);
  });

  test('gives the default of every optional property', () => {
    expect(docs.filter(({ isOptional, defaultText }) => isOptional && defaultText === '').map(({ name }) => name)).toEqual([]);
  });

  test('has only read-only properties, so that props can come from any language', () => {
    expect(docs.filter(({ kind, isReadonly }) => kind === ts.SyntaxKind.PropertySignature && !isReadonly).map(({ name }) => name)).toEqual([]);
  });
});
