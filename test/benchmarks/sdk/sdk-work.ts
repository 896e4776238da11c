import { type ConnectionConfig, Sandbox, SandboxApiException } from '@alibaba-group/opensandbox';
import { until } from '../../support/waiting';
import type { Samples } from './samples';
import { POOL, type SdkCluster } from './sdk-cluster';

/** What the SDK has a sandbox do first: the smallest command that writes something. */
const COMMAND = 'echo hello';
/** Sandboxes are gone so long after their last kill, in ms, or never. */
const GONE_WITHIN_MS = 120_000;

const create = (connectionConfig: ConnectionConfig) => Sandbox.create({ connectionConfig, image: 'none', extensions: { poolRef: POOL } });

/** Runs the command; when it began to be asked for, its first output was heard and it had ended, by `performance.now()`. @throws Error when it fails */
async function runFirst(sandbox: Sandbox): Promise<{ readonly askedAtMs: number; readonly heardAtMs: number; readonly endedAtMs: number }> {
  let heardAtMs = NaN;
  const askedAtMs = performance.now();
  const { exitCode } = await sandbox.commands.run(COMMAND, undefined, { onStdout: () => void (heardAtMs = performance.now()) });
  const endedAtMs = performance.now();
  if (exitCode !== 0 || Number.isNaN(heardAtMs)) throw new Error(`command: expected exit code 0 and output, got ${exitCode}`);
  return { askedAtMs, heardAtMs, endedAtMs };
}

async function end(sandboxes: readonly Sandbox[], cluster: SdkCluster): Promise<void> {
  await Promise.all(sandboxes.map((sandbox) => sandbox.kill()));
  await untilGone(sandboxes, cluster);
}

/** Waits until the cluster has no sandbox any more, of which these were all that anybody knows. */
async function untilGone(sandboxes: readonly Sandbox[], cluster: SdkCluster): Promise<void> {
  await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
  await until(async () => {
    const left = await cluster.sandboxes();
    if (left.length > 0) throw new Error(`sandboxes: expected none after all that are known were killed, got ${left.join(', ')}`);
  }, GONE_WITHIN_MS);
}

/** One sandbox: create, two commands, kill, one after the other. */
export async function playAlone(cluster: SdkCluster, connection: ConnectionConfig): Promise<Samples> {
  await cluster.have(1);
  const beganAtMs = performance.now();
  const sandbox = await create(connection);
  const createdAtMs = performance.now();
  const first = await runFirst(sandbox);
  const second = await runFirst(sandbox);
  const killedFromMs = performance.now();
  await sandbox.kill();
  const killMs = performance.now() - killedFromMs;
  await untilGone([sandbox], cluster);
  return {
    create: [createdAtMs - beganAtMs],
    'first command, until its output': [first.heardAtMs - first.askedAtMs],
    'first command, until its end': [first.endedAtMs - first.askedAtMs],
    'second command, until its end': [second.endedAtMs - second.askedAtMs],
    'create to first output': [first.heardAtMs - beganAtMs],
    kill: [killMs],
  };
}

/** Many sandboxes at once from as many pods, each followed by a command; times are from the beginning of all. */
export async function playCrowd(cluster: SdkCluster, connection: ConnectionConfig, size: number): Promise<Samples> {
  await cluster.have(size);
  const beganAtMs = performance.now();
  const played = await Promise.all(
    Array.from({ length: size }, async () => {
      const sandbox = await create(connection);
      const createdAtMs = performance.now();
      const { heardAtMs } = await runFirst(sandbox);
      return { sandbox, createMs: createdAtMs - beganAtMs, outputMs: heardAtMs - beganAtMs };
    }),
  );
  await end(played.map(({ sandbox }) => sandbox), cluster);
  return { create: played.map(({ createMs }) => createMs), 'create to first output': played.map(({ outputMs }) => outputMs) };
}

/**
 * Many sandboxes at once, from so many pods; those that there is no pod for are to be told so.
 *
 * @throws Error when another number succeeds, a refusal is another, or a sandbox stays
 */
export async function playBurst(cluster: SdkCluster, connection: ConnectionConfig, size: number, pods: number): Promise<Samples> {
  await cluster.have(pods);
  const made: Sandbox[] = [];
  const [createMs, refusedMs]: [number[], number[]] = [[], []];
  await Promise.all(
    Array.from({ length: size }, async () => {
      const beganAtMs = performance.now();
      try {
        made.push(await create(connection));
        createMs.push(performance.now() - beganAtMs);
      } catch (error) {
        if (!(error instanceof SandboxApiException && error.statusCode === 429)) throw error;
        refusedMs.push(performance.now() - beganAtMs);
      }
    }),
  );
  await end(made, cluster);
  if (made.length !== Math.min(size, pods)) throw new Error(`burst: expected ${Math.min(size, pods)} of ${size} creates to succeed, got ${made.length}`);
  return { create: createMs, ...(refusedMs.length > 0 && { refusal: refusedMs }) };
}
