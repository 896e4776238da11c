import { KubeApi } from '../../operator/kube/api';
import type { KubeConnection } from '../../operator/kube/connection';
import { LeaseElector } from '../../operator/kube/lease';
import { Transport } from '../../operator/kube/transport';
import { Manager } from '../../operator/manager';
import { loadSettings } from '../../src/program/load-settings';
import { createLogger } from '../../src/program/log';
import { aborted } from '../../src/program/shutdown';
import { LEASE_NAME } from '../../src/schema/names';
import { operatorSettings } from '../../src/schema/operator-settings';
import { API_ORIGIN, type ApiHost, TOKEN } from './api-host';
import { type Fate, type Server, SimulatedConnections, type SimulatedRequest } from './exchange';
import { simulatedExec } from './exec';
import type { SimulatedExecutors } from './executors';
import type { History } from './history';
import type { SimulatedNodes } from './nodes';
import { NAMESPACE } from './paths';
import type { Random } from './random';
import type { Signatures } from './signatures';
import { SimulatedProcess } from './simulated-process';
import type { VirtualClock } from './virtual-clock';
import type { ApiWeather } from './weather';

/** The world as an operator meets it. */
export interface OperatorSurroundings {
  readonly clock: VirtualClock;
  readonly api: ApiHost;
  readonly executors: SimulatedExecutors;
  readonly nodes: SimulatedNodes;
  readonly signatures: Signatures;
  readonly weather: ApiWeather;
  readonly history: History;
}

/** What an {@link OperatorReplica} needs beside its surroundings. */
export interface ReplicaOptions extends OperatorSurroundings {
  /** Unique among all that ever run. */
  readonly name: string;
  readonly random: Random;
  /** Whether it acts only while it holds the lease. */
  readonly elects: boolean;
  /** Told when it has failed in a way that no operator may. */
  readonly onFailure: (error: unknown) => void;
  /** Told when the process is over, whatever ended it. */
  readonly onEnd: () => void;
}

/** An operator that was told to stop is killed after this time, in ms. */
const LONGEST_STOP_MS = 10_000;

/** The real operator as one process of the simulated world, put together as operator/main.ts does it. */
export class OperatorReplica {
  private readonly process: SimulatedProcess;
  private readonly connections: SimulatedConnections[] = [];
  private readonly stopping = new AbortController();
  private readonly manager: Manager;
  private readonly elector: LeaseElector | undefined;
  private isOver = false;

  constructor(private readonly options: ReplicaOptions) {
    const { clock, name, random, elects, history, executors, signatures, weather } = options;
    this.process = new SimulatedProcess(clock);
    const loaded = loadSettings(operatorSettings, [], { POD_NAMESPACE: NAMESPACE });
    if (!loaded.ok) throw new Error(loaded.problems.join('; '));
    const log = createLogger(name, 'warn', { write: (line) => history.note(`${name} logs ${withoutTime(line)}`) });
    const connection = this.connection();
    if (elects) {
      const api = new KubeApi({ transport: new Transport({ connection, clock: this.process, random: () => random.next() }) });
      this.elector = new LeaseElector({ api, namespace: NAMESPACE, name: LEASE_NAME, identity: name, clock: this.process, log });
    }
    const mayWrite = this.elector && (() => this.elector?.held() === true);
    this.manager = new Manager({
      connection,
      settings: loaded.settings,
      clock: this.process,
      random: () => random.next(),
      log,
      mayWrite,
      signingKeys: signatures.signing,
      sign: signatures.sign,
      exec: simulatedExec({ ...options, process: this.process, fateOf: (request) => weather.fateOf(request), mayWrite }),
      executors: this.connect(
        () => ({ thereMs: random.between(0.2, 3), backMs: () => random.between(0.2, 3) }),
        (request, responder) => {
          history.note(`${name} ${request.method} ${request.origin}${request.path} ${request.body}`);
          executors.server({ ...request, client: name }, responder);
        },
      ),
    });
  }

  start(): void {
    this.options.history.note(`${this.options.name} starts`);
    this.run().catch(this.options.onFailure);
  }

  /** SIGKILL: it ends wherever it is. */
  kill(): void {
    if (this.isOver) return;
    this.options.history.note(`${this.options.name} is killed`);
    this.process.kill();
    for (const connections of this.connections) connections.abandon();
    this.end();
  }

  /** SIGTERM: it ends in good order. */
  stop(): void {
    if (this.isOver || this.stopping.signal.aborted) return;
    this.options.history.note(`${this.options.name} stops`);
    this.stopping.abort();
    this.options.clock.setTimer(LONGEST_STOP_MS, () => this.kill());
  }

  /** SIGSTOP, and SIGCONT after a while. */
  freeze(forMs: number): void {
    this.options.history.note(`${this.options.name} is frozen for ${forMs} ms`);
    this.process.freeze();
    this.options.clock.setTimer(forMs, () => this.process.thaw());
  }

  private async run(): Promise<void> {
    const { manager, elector, stopping } = this;
    const leaseStop = new AbortController();
    const leaseEnd = elector?.run(leaseStop.signal).then(() => stopping.abort());
    await manager.watch(stopping.signal);
    if (elector !== undefined) await Promise.race([elector.acquired, aborted(stopping.signal)]);
    if (!stopping.signal.aborted) await manager.act(stopping.signal);
    await aborted(stopping.signal);
    await manager.stop();
    leaseStop.abort();
    await leaseEnd;
    this.process.kill();
    this.end();
  }

  private end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.options.onEnd();
  }

  private connection(): KubeConnection {
    const { api, name, weather } = this.options;
    return {
      server: new URL(API_ORIGIN),
      tls: () => ({}),
      authorization: () => Promise.resolve(`Bearer ${TOKEN}`),
      refresh: () => Promise.resolve(),
      open: () => this.connect((request) => weather.fateOf(request), (request, responder) => api.receive(name, request, responder)),
    };
  }

  private connect(fateOf: (request: SimulatedRequest) => Fate, server: Server): SimulatedConnections {
    const connections = new SimulatedConnections({ process: this.process, server, fateOf, random: this.options.random });
    this.connections.push(connections);
    return connections;
  }
}

/** A line of the log without what differs between two equal histories: the time of day and the folders of the machine. */
function withoutTime(line: string): string {
  return JSON.stringify(JSON.parse(line), (key, value: unknown) => (key === 'time' || key === 'stack' ? undefined : value));
}
