import { PodTemplate, SandboxPool } from '../../src';
import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import { readTaskOutput, readTasks, signAsOperator } from '../support/executor';
import { fixedPool } from '../support/pool-spec';
import { endpointsOf, mirroredPodsOf } from '../support/space';
import { objectsOf } from '../support/synth';
import { useCluster } from '../targets/cluster-under-test';

// What a sandbox can do to the executors of a node, its own and those of others.
const cluster = useCluster();

/**
 * Looks for everything that /proc shows of the processes of the executor; a line for each of them that says what could be read. The pattern is
 * written so that it does not match this script itself.
 */
const PRY = `
for process in /proc/[0-9]*; do
  case "$(tr '\\0' ' ' <$process/cmdline)" in *sandbox-[e]xecutor*) ;; *) continue ;; esac
  found=
  for secret in environ mem maps auxv stack syscall; do head -c 1 $process/$secret >/dev/null && found="$found $secret"; done
  for place in root cwd; do ls $process/$place/ >/dev/null && found="$found $place"; done
  for link in $process/exe $process/fd/* $process/map_files/*; do readlink $link >/dev/null && found="$found \${link##*/}"; done
  echo "executor:$found"
done 2>/dev/null
grep -c sandbox-tasks /proc/self/mounts
env | grep -c -e AUTH -e EXECUTOR
ls /proc/self/fd | wc -l
ls -d /var/run/secrets/* 2>/dev/null | wc -l
`;

/** Nothing of any of them: no volume with records, no variable, no descriptor but the usual ones (and that of ls), no token of Kubernetes. */
const FINDS_NOTHING = /^(executor:\n){2,}0\n0\n4\n0\n$/;

test('what runs in a sandbox as root finds nothing of its executor, and cannot reach another with what passes by on the network (X25, X26, X28)', async () => {
  const space = await cluster.newSpace();
  await space.create('Pool', 'warm', fixedPool(2, cluster.target.podTemplate({ executor: true })));
  await space.untilWarm('warm', 2);
  await space.create('BatchSandbox', 'pry', { replicas: 2, poolRef: 'warm', taskTemplate: { spec: { process: { command: ['sh', '-c', PRY] } } } });
  const batch = await space.until('BatchSandbox', 'pry', ({ status }) => expect(status?.taskStates).toBe('SS'));
  const [own = '', other = ''] = endpointsOf(batch);
  const [pod = ''] = mirroredPodsOf(batch);
  const inMain = async (script: string) => (await space.kubectl(['exec', pod, '--container=main', '--', 'sh', '-c', `(${script}) 2>&1`])).stdout;

  expect(await readTaskOutput(cluster.target, own, 'pry-0')).toMatch(FINDS_NOTHING);
  expect(await inMain(PRY)).toMatch(FINDS_NOTHING);

  // The network of a pod is shared, so root may see each request to its own executor, token and all.
  const body = '[{"name":"forged","process":{"command":["true"]}}]';
  const token = await signAsOperator(cluster.target, own, { method: 'POST', path: '/setTasks', body });
  const post = (ip: string, text: string, header = `Authorization: Bearer ${token}`) => inMain(`wget -q -O - --header '${header}' --post-data '${text}' http://${ip}:5758/setTasks`);
  expect([await post(other, body), await post(other, body, 'X: y'), await post(own, body, 'X: y'), await post(own, '[]')]).toEqual(
    Array.from({ length: 4 }, () => expect.stringContaining('401 Unauthorized')),
  );
  expect(await post(own, body)).toContain('"name":"forged"'); // the token is good, where and for what it was made
  expect(await post(own, body)).toContain('401 Unauthorized');
  expect((await readTasks(cluster.target, other)).map(({ name }) => name)).toEqual(['pry-1']);
});

/** A sandbox that keeps to the Pod Security Standard `restricted`, rendered by the construct. */
function restrictedTemplate(): PodTemplateSpec {
  const { spec } = cluster.target.podTemplate();
  const securityContext = { runAsNonRoot: true, runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } };
  const template = PodTemplate.fromSpec({ ...spec, containers: spec?.containers?.map((container) => ({ ...container, securityContext })) });
  const executor = { enterMainContainer: false, image: cluster.target.imageFor('sandbox-executor') };
  const [pool] = objectsOf((chart) => new SandboxPool(chart, 'pool', { template, executor, bufferMin: 1, poolMax: 1 }));
  return pool?.spec['template'] as PodTemplateSpec;
}

test('a sandbox runs tasks without root, capability or shared processes, where Kubernetes enforces the standard restricted (X28)', async () => {
  const space = await cluster.newSpace();
  expect(await space.kubectl(['label', 'namespace', space.namespace, 'pod-security.kubernetes.io/enforce=restricted'])).toMatchObject({ exitCode: 0 });
  await space.create('Pool', 'warm', fixedPool(1, restrictedTemplate()));
  await space.untilWarm('warm', 1);
  // The image has Perl without its modules.
  const script = `
    print "$< $>\\n"; open(my $status, "<", "/proc/self/status"); print grep { /^(Cap(Eff|Bnd|Amb)|NoNewPrivs|Seccomp):/ } <$status>;
    opendir(my $processes, "/proc"); my @others = grep { /^[0-9]+$/ } readdir $processes; print @others < 10 ? "alone" : "not alone";
  `;
  await space.create('BatchSandbox', 'who', { replicas: 1, poolRef: 'warm', taskTemplate: { spec: { process: { command: ['/usr/bin/perl', '-e', script] } } } });
  const batch = await space.until('BatchSandbox', 'who', ({ status }) => expect(status?.taskStates).toBe('S'));
  const none = '0'.repeat(16);
  expect(await readTaskOutput(cluster.target, endpointsOf(batch)[0] ?? '', 'who-0')).toBe(
    `65532 65532\nCapEff:\t${none}\nCapBnd:\t${none}\nCapAmb:\t${none}\nNoNewPrivs:\t1\nSeccomp:\t2\nalone`,
  );
});
