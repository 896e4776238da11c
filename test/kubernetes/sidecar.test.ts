import type { BatchSandboxSpec } from '../../src/schema/batch-sandbox';
import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import { useCluster } from '../targets/cluster-under-test';
import { readTaskOutput } from '../support/executor';
import { fixedPool } from '../support/pool-spec';
import { endpointsOf, mirroredPodsOf, type Space } from '../support/space';
import { until } from '../support/waiting';

const cluster = useCluster();

/** Bit of a capability in a mask of /proc/self/status. @see capabilities(7) */
const SYS_PTRACE = 1n << 19n;

/** A sandbox of a user who is not root, with a working directory and a variable of its own. */
function userTemplate(): PodTemplateSpec {
  const template = cluster.target.podTemplate({ executor: true, env: [{ name: 'WHOSE', value: 'main' }] });
  const [main, ...others] = template.spec?.containers ?? [];
  const asUser = { ...main, name: 'main', workingDir: '/www', securityContext: { runAsUser: 1000, runAsGroup: 1000, capabilities: { drop: ['ALL'] } } };
  return { ...template, spec: { ...template.spec, securityContext: { supplementalGroups: [2000] }, containers: [asUser, ...others] } };
}

const shell = (script: string): BatchSandboxSpec['taskTemplate'] => ({ spec: { process: { command: ['sh', '-c', script] } } });

/** Runs one task in a sandbox of the pool and gives its output; the sandbox is held as long as the batch is there. */
async function runTask(space: Space, batch: string, script: string): Promise<{ readonly output: string; readonly pod: string }> {
  await space.create('BatchSandbox', batch, { replicas: 1, poolRef: 'warm', taskTemplate: shell(script) });
  const done = await space.until('BatchSandbox', batch, (object) => {
    expect(object.status?.taskStates).toBe('S');
    expect(endpointsOf(object)).toHaveLength(1);
  });
  return { output: await readTaskOutput(cluster.target, endpointsOf(done)[0] ?? '', `${batch}-0`), pod: mirroredPodsOf(done)[0] ?? '' };
}

test('a task is the user of the main container, in its directory and file system, with its environment and no right to look into others', async () => {
  const space = await cluster.newSpace();
  await space.create('Pool', 'warm', fixedPool(1, userTemplate()));
  await space.untilWarm('warm', 1);
  const { output } = await runTask(space, 'who', 'id -u; id -g; id -G; pwd; echo $WHOSE; cat index.html; grep -E "^Cap(Eff|Bnd)" /proc/self/status; cat /opt/cdk8s-sandboxes/package.json 2>/dev/null || echo no files of the executor');
  const [uid, gid, groups, directory, whose, page, ...rest] = output.trim().split('\n');
  expect([uid, gid, directory, whose, page]).toEqual(['1000', '1000', '/www', 'main', 'a sandbox of a test']);
  expect(groups?.split(' ')).toContain('2000');
  const masks = rest.slice(0, 2).map((line) => BigInt(`0x${line.split('\t')[1] ?? ''}`));
  expect(masks.map((mask) => mask & SYS_PTRACE)).toEqual([0n, 0n]);
  expect(rest[2]).toBe('no files of the executor');
});

test('a task runs in the new main container when that has restarted', async () => {
  const space = await cluster.newSpace();
  await space.create('Pool', 'warm', fixedPool(1, cluster.target.podTemplate({ executor: true }), { recycleStrategy: { type: 'Noop' } }));
  await space.untilWarm('warm', 1);
  const { pod } = await runTask(space, 'before', 'touch /mark && echo made');
  await space.delete('BatchSandbox', 'before');
  await space.untilGone('BatchSandbox', 'before');

  expect(await space.kubectl(['exec', pod, '--container=main', '--', 'killall', 'sleep'])).toMatchObject({ exitCode: 0 });
  await until(async () => {
    const { stdout } = await space.kubectl(['get', 'pod', pod, '--output=jsonpath={.status.containerStatuses[?(@.name=="main")].restartCount} {.status.containerStatuses[?(@.name=="main")].ready}']);
    expect(stdout).toBe('1 true');
  });
  await space.untilWarm('warm', 1);
  expect(await runTask(space, 'after', 'test -e /mark && echo old || echo new')).toEqual({ output: 'new\n', pod });
});
