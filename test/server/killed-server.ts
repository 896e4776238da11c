import { ConnectionConfig, Sandbox, SandboxManager } from '@alibaba-group/opensandbox';
import { readdirSync, readFileSync } from 'node:fs';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { Pod } from '../../src/schema/kubernetes';
import type { SandboxReply } from '../../src/schema/lifecycle-reply';
import type { Pool } from '../../src/schema/pool';
import type { ApiClient } from '../support/api-client';
import { childrenOf } from '../support/children-of';
import type { RunningProgram } from '../support/sandboxes';
import { until } from '../support/waiting';

/** Creates with an idempotency key take from it, one each. */
export const KEYED_POOL = { name: 'keyed', size: 5 } as const;
/** Creates without one take from it; most of them wait, since it is full and may not grow. */
export const CROWDED_POOL = { name: 'crowded', size: 6 } as const;
const CROWD = 15;
/** A create that nobody was told of is taken back 35 s after it was written; the rest is for a busy machine. */
const TAKEN_BACK_MS = 90_000;
const LONGEST_TEST_MS = 240_000;
/** What the command of the stream is known by, among all processes of the machine. */
const SLEEP = `sleep\0${86_400 + process.pid}`;

/** The embedded cluster with its lifecycle server. */
export interface KilledServerPlace {
  readonly client: ApiClient;
  readonly connectionConfig: ConnectionConfig;
  /** The program that runs the server, and starts it again when it ends. */
  readonly program: RunningProgram;
}

/** Defines the test of a server that is killed amid its work; the place has the pools `agent-pool` and those of above, with all their pods idle. */
export function describeKilledServer(place: () => KilledServerPlace): void {
  test('finds the state right after the server was killed amid creates and a stream: what was answered is there, a key finds its sandbox, and of the rest nothing stays without an end (L17, L42)', async () => {
    const { client, connectionConfig, program } = place();
    const { domain = '', apiKey = '' } = connectionConfig;
    const list = async <T>(path: string) => (await client.request<{ readonly items: readonly T[] }>('GET', path)).body.items;
    const batches = () => list<BatchSandbox>('/apis/sandbox.opensandbox.io/v1alpha1/namespaces/default/batchsandboxes');
    const existing = async () => (await batches()).map(({ metadata }) => metadata.name).sort();
    const untilPoolsAreWhole = () =>
      until(async () => {
        const pools = await list<Pool>('/apis/sandbox.opensandbox.io/v1alpha1/namespaces/default/pools');
        expect(pools.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(['agent-pool', KEYED_POOL.name, CROWDED_POOL.name]));
        expect(pools.map(({ status, spec }) => status?.available === spec.capacitySpec.poolMax)).toEqual(pools.map(() => true));
      }, 60_000);
    const create = async (poolRef: string, key?: string) => {
      const body = { image: { uri: 'x' }, entrypoint: ['tail', '-f', '/dev/null'], timeout: 600, resourceLimits: { cpu: '1' }, metadata: { from: poolRef }, extensions: { poolRef, ...(key !== undefined && { 'idempotency.key': key }) } };
      const answer = await fetch(`http://${domain}/v1/sandboxes`, { method: 'POST', headers: { 'open-sandbox-api-key': apiKey, 'content-type': 'application/json' }, body: JSON.stringify(body) });
      return { key, status: answer.status, id: ((await answer.json()) as SandboxReply).id };
    };
    const manager = SandboxManager.create({ connectionConfig });
    const sandbox = await Sandbox.create({ connectionConfig: new ConnectionConfig({ domain, apiKey, useServerProxy: true }), image: 'x', extensions: { poolRef: 'agent-pool' } });
    const heard: string[] = [];
    const stream = sandbox.commands.run(`echo begun; exec ${SLEEP.replace('\0', ' ')}`, undefined, { onStdout: ({ text }) => void heard.push(text) }).then(
      ({ exitCode }) => ({ exitCode }),
      () => ({ exitCode: undefined }),
    );
    await until(() => expect(heard).toEqual(['begun']));

    const server = serverOf(program);
    const keys = Array.from({ length: KEYED_POOL.size }, (_, index) => `order-${index}`);
    const creates = [...keys.map((key) => create(KEYED_POOL.name, key)), ...Array.from({ length: CROWD }, () => create(CROWDED_POOL.name))];
    // One is answered, and more are written than there are pods for.
    await Promise.any(creates);
    await until(async () => expect((await batches()).filter(({ spec }) => spec.poolRef === CROWDED_POOL.name).length).toBeGreaterThan(CROWDED_POOL.size));
    process.kill(server, 'SIGKILL');
    const outcomes = (await Promise.allSettled(creates)).flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
    const answered = outcomes.filter(({ status }) => status === 202);
    expect(outcomes.length).toBeLessThan(creates.length); // it died amid them

    // Its caller learns that the stream has not come to its end, and the command ends.
    expect((await stream).exitCode ?? 'none').toBe('none');
    await until(() => expect(processesWith(SLEEP)).toEqual([]));

    const listed = async () => (await manager.listSandboxInfos({ pageSize: 100 })).items;
    const found = await until(async () => (await listed()).map(({ id }) => id), 60_000);
    expect(found).toEqual(expect.arrayContaining([sandbox.id, ...answered.map(({ id }) => id)]));
    expect((await sandbox.commands.run('echo here again')).logs.stdout.map(({ text }) => text)).toEqual(['here again']);

    // Whoever has a key asks again, and is told of the one sandbox that there is.
    const repeated = await Promise.all(keys.map((key) => create(KEYED_POOL.name, key)));
    expect(repeated.map(({ status }) => status)).toEqual(keys.map(() => 202));
    expect(answered.filter(({ key, id }) => key !== undefined && !repeated.some((again) => again.key === key && again.id === id))).toEqual([]);

    // Of the others nobody was told: those that wait are taken back, and one that was delivered in the last moment ends by itself.
    const known = new Set([sandbox, ...answered, ...repeated].map(({ id }) => id));
    const last = await until(async () => {
      const all = await listed();
      const untold = all.filter(({ id }) => !known.has(id)).map(({ status, metadata, expiresAt }) => ({ state: status.state, from: metadata?.['from'], ends: expiresAt instanceof Date }));
      expect(untold).toEqual(untold.map(() => ({ state: 'Running', from: CROWDED_POOL.name, ends: true })));
      expect(all.map(({ id }) => id).sort()).toEqual(await existing());
      return all;
    }, TAKEN_BACK_MS);
    expect(last.filter(({ metadata }) => metadata?.['from'] === KEYED_POOL.name).map(({ id }) => id).sort()).toEqual(repeated.map(({ id }) => id).sort());

    await Promise.all(last.map(({ id }) => manager.killSandbox(id)));
    await until(async () => expect(await existing()).toEqual([]));
    await untilPoolsAreWhole();
    const owners = (await list<Pod>('/api/v1/namespaces/default/pods')).map(({ metadata }) => metadata.ownerReferences?.map(({ kind }) => kind));
    expect(new Set(owners.flat())).toEqual(new Set(['Pool']));
    await Promise.all([manager.close(), sandbox.close()]);
  }, LONGEST_TEST_MS);
}

/** Pid of the lifecycle server of an embedded cluster. */
function serverOf({ child }: RunningProgram): number {
  const server = childrenOf(child.pid ?? 0).find((pid) => commandLine(pid).includes('sandbox-server'));
  if (server === undefined) throw new Error(`server: expected a child of process ${child.pid}, got none`);
  return server;
}

function processesWith(part: string): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((pid) => commandLine(Number(pid))).filter((line) => line.includes(part));
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return ''; // it has ended
  }
}
