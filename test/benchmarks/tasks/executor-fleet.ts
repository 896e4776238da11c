import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Agent, request } from 'undici';
import { CLUSTER_MARKER } from '../../../local/nodes/marked-processes';
import { programCommand } from '../../../local/programs';
import { signExecutorToken } from '../../../src/program/executor-token';
import type { SigningKeys } from '../../../src/program/signing-keys';
import type { ExecutorTaskRequest } from '../../../src/schema/executor-api';
import type { Pod } from '../../../src/schema/kubernetes';
import { EnvVar, EXECUTOR_CONTAINER, Port } from '../../../src/schema/names';
import { type LoggedProcess, spawnLogged } from '../../support/spawn-logged';
import { inParallel, until } from '../../support/waiting';
import { usageOf } from '../process-usage';

/** Executors that start at once: each takes a tenth of a second of processor time. */
const STARTS_AT_ONCE = 4;
const STARTED_WITHIN_MS = 60_000;
/** Time between two looks at what the executors do, in ms, and what they may take in it when they rest. */
const REST = { everyMs: 250, cpuMs: 20 };

/** A request that is signed and not sent yet. */
export interface SignedCall {
  /** @throws Error for an answer other than 200 */
  send(): Promise<void>;
}

interface Member {
  readonly uid: string;
  readonly origin: string;
  readonly dataDir: string;
  readonly process: LoggedProcess;
}

/** Real executors as processes of this machine, at the addresses of pods that only kwok runs, with records on disk. */
export class ExecutorFleet {
  private readonly connections = new Agent({ connections: 1, pipelining: 1 });

  private constructor(
    private readonly members: readonly Member[],
    private readonly keys: SigningKeys,
    private readonly folder: string,
  ) {}

  /**
   * Starts one for each pod, as the pod's manifest says.
   *
   * @param cluster folder of the cluster, with which they end at the latest
   */
  static async start(pods: readonly Pod[], keys: SigningKeys, cluster: string): Promise<ExecutorFleet> {
    const folder = join(cluster, 'executors');
    mkdirSync(folder, { recursive: true });
    const members = await inParallel(pods, STARTS_AT_ONCE, async (pod) => {
      const member = startOne(pod, folder, cluster);
      await until(async () => {
        const { statusCode } = await request(`${member.origin}/health`);
        if (statusCode !== 200) throw new Error(`${member.origin}: expected status 200, got ${statusCode}`);
      }, STARTED_WITHIN_MS);
      return member;
    });
    return new ExecutorFleet(members, keys, folder);
  }

  /** Signs the order to hold exactly these tasks, one list for each executor; sending it is all that is left to do. */
  sign(tasksOf: (index: number) => readonly ExecutorTaskRequest[]): Promise<readonly SignedCall[]> {
    return Promise.all(
      this.members.map(async ({ uid, origin }, index) => {
        const [method, path, body] = ['POST', '/setTasks', JSON.stringify(tasksOf(index))] as const;
        const token = await signExecutorToken(this.keys.signing[0], uid, { method, path, body }, new Date());
        const send = async () => {
          const answer = await request(`${origin}${path}`, { dispatcher: this.connections, method, body, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } });
          const text = await answer.body.text();
          if (answer.statusCode !== 200) throw new Error(`${origin}${path}: expected status 200, got ${answer.statusCode}: ${text}`);
        };
        return { send };
      }),
    );
  }

  /** When the last of the tasks that are held ended, as the executors have recorded it, in ms since 1970. */
  lastEndAt(): number {
    return Math.max(...this.members.flatMap(({ dataDir }) => readdirSync(dataDir).flatMap((task) => endOf(join(dataDir, task, 'exit.json')))));
  }

  /** Waits until they have nothing to do: what was held is gone, and a process waits for the next task. */
  untilAtRest(): Promise<void> {
    const cpuMs = () => this.members.reduce((sum, { process: { child } }) => sum + usageOf(child.pid ?? 0).cpuMs, 0);
    let lookedAtMs = performance.now();
    let before = cpuMs();
    return until(() => {
      if (performance.now() - lookedAtMs < REST.everyMs) throw new Error('executors: expected a look to be due, got none');
      const now = cpuMs();
      const isAtRest = Math.abs(now - before) <= REST.cpuMs && this.members.every(({ dataDir }) => readdirSync(dataDir).filter((name) => name.startsWith('.new-')).length === 1);
      [lookedAtMs, before] = [performance.now(), now];
      if (!isAtRest) throw new Error('executors: expected them at rest, got some at work');
    }, STARTED_WITHIN_MS);
  }

  async stop(): Promise<void> {
    for (const { process: { child } } of this.members) child.kill('SIGTERM');
    await Promise.all(this.members.map(({ process }) => process.ended));
    await this.connections.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function startOne({ metadata: { name, uid = '' }, spec, status }: Pod, folder: string, cluster: string): Member {
  const { podIP = '' } = status ?? {};
  const dataDir = join(folder, name);
  const flags = [`--listen-addr=${podIP}:${Port.executor}`, '--execd-listen-addr=0', `--data-dir=${dataDir}`, '--log-level=error'];
  const said = spec?.containers?.find((container) => container.name === EXECUTOR_CONTAINER)?.env ?? [];
  const own = Object.fromEntries(said.flatMap((variable) => (variable.value === undefined ? [] : [[variable.name, variable.value]])));
  const env = { ...own, PATH: process.env.PATH ?? '', [EnvVar.podUid]: uid, [CLUSTER_MARKER]: basename(cluster) };
  const started = spawnLogged([...programCommand('sandbox-executor'), ...flags], { env, logPath: join(cluster, 'executors.log') });
  return { uid, origin: `http://${podIP}:${Port.executor}`, dataDir, process: started };
}

/** When a task ended, in ms since 1970; nothing for one that runs or is none. */
function endOf(path: string): readonly number[] {
  if (!existsSync(path)) return [];
  return [Date.parse((JSON.parse(readFileSync(path, 'utf8')) as { readonly finishedAt: string }).finishedAt)];
}
