import { basename, join } from 'node:path';
import { request } from 'undici';
import { CLUSTER_MARKER } from '../../local/nodes/marked-processes';
import { freePort } from '../support/free-port';
import { lastLogLines, type LoggedProcess, spawnLogged, spawnOperator } from '../support/spawn-logged';
import { until } from '../support/waiting';
import { parseLoopDelay, type LoopDelay } from './loop-delay';
import { parseWaitingEvents } from './waiting-events';

/** Where a controller works. */
export interface ControllerPlace {
  /** Folder of the cluster: its log goes there, and when the cluster ends, so does it. */
  readonly folder: string;
  readonly kubeconfigPath: string;
  /** The one namespace that it is to look after. */
  readonly namespace: string;
}

/** Longest time that it may take to end by itself, in ms. */
const LONGEST_STOP_MS = 10_000;
const SHOWN_LINES = 10;
/** All Events that may wait, 200 of a namespace, are out after so long at 10 a second, in ms, or never. */
const EVENTS_OUT_WITHIN_MS = 60_000;

/** A controller of our kinds as a process of its own: our operator, or another by its command. */
export class Controller {
  /** Rejects when it ends before it is told to. */
  readonly failed: Promise<never>;
  private isOver = false;

  private constructor(
    private readonly running: LoggedProcess,
    logPath: string,
    private readonly metricsPort: number | undefined,
  ) {
    this.failed = running.ended.then(() => {
      const { exitCode, signalCode } = running.child;
      if (this.isOver) return new Promise(() => undefined);
      throw new Error(`controller: expected it to run, got exit code ${String(exitCode ?? signalCode)}:\n${lastLogLines(logPath, SHOWN_LINES).join('\n')}`);
    });
    this.failed.catch(() => undefined); // nobody listens between two rounds
  }

  /** Starts our operator as it is shipped, with further flags; resolves when it tells how it is. @throws Error when it does not come to that */
  static async startOperator({ folder, kubeconfigPath, namespace }: ControllerPlace, flags: readonly string[] = []): Promise<Controller> {
    const port = await freePort();
    const logPath = join(folder, 'controller.log');
    const metrics = [`--metrics-bind-address=127.0.0.1:${port}`, '--metrics-secure=false'];
    const all = [`--kubeconfig=${kubeconfigPath}`, `--namespaces=${namespace}`, '--health-probe-bind-address=0', ...metrics, ...flags];
    const controller = new Controller(spawnOperator(all, { env: { POD_NAMESPACE: 'default', [CLUSTER_MARKER]: basename(folder) }, logPath }), logPath, port);
    try {
      await Promise.race([until(() => controller.loopDelay()), controller.failed]);
    } catch (error) {
      await controller.stop();
      throw error;
    }
    return controller;
  }

  /** Starts another controller by a command of the shell, which finds the cluster by KUBECONFIG. */
  static startOther({ folder, kubeconfigPath, namespace }: ControllerPlace, command: string): Controller {
    const logPath = join(folder, 'controller.log');
    const { PATH = '', HOME = '' } = process.env;
    const env = { PATH, HOME, KUBECONFIG: kubeconfigPath, NAMESPACE: namespace, POD_NAMESPACE: 'default', [CLUSTER_MARKER]: basename(folder) };
    return new Controller(spawnLogged(['/bin/sh', '-c', command], { env, logPath }), logPath, undefined);
  }

  get pid(): number {
    return this.running.child.pid ?? 0;
  }

  /** Delay of its event loop since it was asked for last; undefined for a controller that has none. */
  async loopDelay(): Promise<LoopDelay | undefined> {
    if (this.metricsPort === undefined) return undefined;
    return parseLoopDelay(await this.metrics());
  }

  /** Waits until it has told all that it has to tell: what is left of a round must not take its time from the next one, which may be the loop's. */
  async untilEventsAreOut(): Promise<void> {
    if (this.metricsPort === undefined) return;
    await until(async () => {
      const waiting = parseWaitingEvents(await this.metrics());
      if (waiting > 0) throw new Error(`events: expected none that wait, got ${waiting}`);
    }, EVENTS_OUT_WITHIN_MS);
  }

  private async metrics(): Promise<string> {
    const { body } = await request(`http://127.0.0.1:${this.metricsPort}/metrics`);
    return body.text();
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.isOver = true;
    this.running.child.kill('SIGTERM');
    const kill = setTimeout(() => this.running.child.kill('SIGKILL'), LONGEST_STOP_MS);
    await this.running.ended;
    clearTimeout(kill);
  }
}
