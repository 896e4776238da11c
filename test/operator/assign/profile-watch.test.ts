import { createApiServer } from '../../../local/api/server';
import { BUILT_IN_PROFILE } from '../../../operator/assign/profile';
import { ProfileWatch } from '../../../operator/assign/profile-watch';
import { KubeApi } from '../../../operator/kube/api';
import { ApiError } from '../../../operator/kube/api-error';
import { fixedConnection } from '../../../operator/kube/connection';
import { CONFIG_MAPS } from '../../../operator/kube/resource-types';
import { Transport } from '../../../operator/kube/transport';
import { systemClock as clock } from '../../../src/program/clock';
import { createLogger } from '../../../src/program/log';
import { until } from '../../support/waiting';

const REF = { namespace: 'kube-system', name: 'pool-assign-profiles' };
const MOST_ALLOCATED = JSON.stringify([{ name: 'default', plugins: { predicate: ['image', 'luck'] }, pluginConf: [{ name: 'resbalance', args: { strategy: 'MostAllocated' } }] }]);
const READ = { predicates: ['image'], scores: [], labelKeys: [], strategy: 'MostAllocated' };

let api: KubeApi;
let lines: { level: string; msg: string; problems?: unknown; skipped?: unknown }[];
let stop: AbortController;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  lines = [];
  stop = new AbortController();
  const server = await createApiServer();
  const transport = new Transport({ connection: fixedConnection(server.url, server.token, { ca: server.ca }), clock });
  api = new KubeApi({ transport });
  closers.push(() => transport.destroy(), () => server.close());
});

afterEach(async () => {
  stop.abort();
  for (const close of closers.splice(0)) await close();
});

function watchOf(namespace: string | undefined = REF.namespace) {
  const changed = jest.fn();
  const log = createLogger('test', 'info', { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) });
  const watch = new ProfileWatch({ api, namespace, clock, log, random: () => 0, onChange: changed });
  const ended = watch.run(stop.signal);
  closers.unshift(() => ended);
  return { watch, changed };
}

const write = (profiles: string) => api.patch(CONFIG_MAPS, REF, 'merge', { data: { profiles } });

test('without a ConfigMap the built-in profile is in force, once that is known (R77)', async () => {
  const { watch, changed } = watchOf();
  expect(watch.profile).toBeUndefined();
  await until(() => expect(watch.profile).toEqual(BUILT_IN_PROFILE));
  expect(changed).toHaveBeenCalledTimes(1);
});

test('a ConfigMap of before the start, its changes and its deletion are in force without a restart (R77)', async () => {
  await api.create(CONFIG_MAPS, { metadata: REF, data: { profiles: MOST_ALLOCATED } });
  const { watch, changed } = watchOf();
  await until(() => expect(watch.profile).toEqual(READ));
  expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', skipped: [expect.stringMatching(/^\[0\]\.plugins\.predicate\[1\]: .* got 'luck'$/)] }));
  await write('[{"name":"default","plugins":{}}]');
  await until(() => expect(watch.profile).toMatchObject({ predicates: [], strategy: 'LeastAllocated' }));
  await api.delete(CONFIG_MAPS, REF);
  await until(() => expect(watch.profile).toEqual(BUILT_IN_PROFILE));
  expect(changed).toHaveBeenCalledTimes(3);
});

test('a ConfigMap that cannot be used gives the built-in profile and a warning that says where it is wrong (R77)', async () => {
  await api.create(CONFIG_MAPS, { metadata: REF, data: { profiles: MOST_ALLOCATED } });
  const { watch } = watchOf();
  await until(() => expect(watch.profile).toEqual(READ));
  await write('[{"name":"default","plugins":{"predicate":"image"}}]');
  await until(() => expect(watch.profile).toEqual(BUILT_IN_PROFILE));
  expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', problems: ["[0].plugins.predicate: expected a list, got 'image'"] }));
});

test('other ConfigMaps are not even asked for (R77)', async () => {
  const list = jest.spyOn(api, 'list');
  await api.create(CONFIG_MAPS, { metadata: { ...REF, name: 'other' }, data: { profiles: MOST_ALLOCATED } });
  const { watch } = watchOf();
  await until(() => expect(watch.profile).toEqual(BUILT_IN_PROFILE));
  expect(list.mock.calls.map(([, query]) => [query?.namespace, query?.fieldSelector])).toEqual([[REF.namespace, 'metadata.name=pool-assign-profiles']]);
});

test('nothing is guessed while the ConfigMap cannot be read (R77)', async () => {
  const list = jest.spyOn(api, 'list').mockRejectedValueOnce(new ApiError(403, 'Forbidden', 'refused'));
  const { watch, changed } = watchOf();
  await until(() => expect(list).toHaveBeenCalledTimes(1));
  expect([watch.profile, watch.ageMs, changed.mock.calls]).toEqual([undefined, undefined, []]);
  await until(() => expect(watch.profile).toEqual(BUILT_IN_PROFILE));
  expect(watch.ageMs).toBeGreaterThanOrEqual(0);
});

test('without a namespace of its own the operator asks for none (R77)', async () => {
  const list = jest.spyOn(api, 'list');
  const watch = new ProfileWatch({ api, clock, log: createLogger('test'), random: () => 0, onChange: () => undefined });
  await watch.run(stop.signal);
  expect(watch.profile).toEqual(BUILT_IN_PROFILE);
  expect(list).not.toHaveBeenCalled();
});
