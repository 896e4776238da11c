import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OPERATOR_NAMESPACE } from '../../local/signing-secret';
import { EXECUTOR_CONTAINER, Port } from '../../src/schema/names';
import { ApiClient } from '../support/api-client';
import { childrenOf } from '../support/children-of';
import { renderPodTemplate } from '../support/pod-template';
import { runProgram } from '../support/run-program';
import { type RunningProgram, startSandboxes } from '../support/sandboxes';
import type { Target, WriteCounts } from '../support/target';
import { until } from '../support/waiting';

/** A cluster starts in a second or two; much longer means that it never will. */
const START_WITHIN_MS = 40_000;
/** Half of the default, which real clusters have here: so long do tests wait for executors that do not answer, and they stop their tasks within 5 s. */
const STOP_TIMEOUT = '--task-stop-timeout=15s';
/** A node of the embedded cluster has no images: the main container's command comes from this machine. */
const IMAGES = { main: 'busybox:1.36', executor: `registry.example/${EXECUTOR_CONTAINER}:test` };

/** Starts `sandboxes up`, as a user does, in a process of its own. */
export async function startEmbeddedCluster(): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'sandboxes-acceptance-'));
  const kubeconfigPath = join(folder, 'kubeconfig');
  const program = startSandboxes(['up', '--json', '--kubeconfig', kubeconfigPath, `--operator-flag=${STOP_TIMEOUT}`]);
  const killWithUs = () => program.child.kill('SIGTERM');
  process.once('exit', killWithUs);
  const stop = async () => {
    program.child.kill('SIGTERM');
    await program.ended;
    process.off('exit', killWithUs);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await isUp(program);
  } catch (error) {
    await stop();
    throw error;
  }
  const client = new ApiClient(kubeconfigPath);
  return {
    kubeconfigPath,
    operatorNamespace: OPERATOR_NAMESPACE,
    request: (...args) => client.request(...args),
    watch: (...args) => client.watch(...args),
    kubectl: (args, input) => runProgram('kubectl', args, { ...process.env, KUBECONFIG: kubeconfigPath, HOME: folder }, input),
    executorUrl: (ip) => `http://${ip}:${Port.executor}`,
    podTemplate: (options) => renderPodTemplate(IMAGES, options),
    imageFor: (name) => name,
    writes: async () => (await client.request<WriteCounts>('GET', '/debug/writes')).body,
    operatorLog: () => Promise.resolve(readFileSync(`/proc/${operatorPid(program.child)}/cwd/operator.log`, 'utf8')),
    killOperator: () => killOperatorOf(program.child),
    stop: async () => {
      await client.close();
      await stop();
    },
  };
}

/** Resolves when the program has printed its one JSON object. */
async function isUp({ child, stdout, ended }: RunningProgram): Promise<void> {
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  await until(() => hasEnded() || JSON.parse(stdout()), START_WITHIN_MS);
  if (!hasEnded()) return;
  const { code, stderr } = await ended;
  throw new Error(`sandboxes up: expected a cluster, got exit code ${String(code)}: ${stderr}`);
}

/** Kills the operator and waits until the cluster runs another. */
async function killOperatorOf(program: ChildProcess): Promise<void> {
  const killed = operatorPid(program);
  process.kill(killed, 'SIGKILL');
  await until(() => {
    if (operatorPid(program) === killed) throw new Error(`operator: expected another process than ${killed}, got the same`);
  });
}

function operatorPid({ pid = 0 }: ChildProcess): number {
  const operator = childrenOf(pid).find((child) => commandLine(child).includes('sandbox-operator'));
  if (operator === undefined) throw new Error(`operator: expected a child of process ${pid}, got none`);
  return operator;
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return ''; // it has ended
  }
}
