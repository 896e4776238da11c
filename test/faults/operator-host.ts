import { OperatorReplica, type OperatorSurroundings } from './operator-replica';
import type { Random } from './random';

/** What an {@link OperatorHost} needs beside its surroundings. */
export interface OperatorHostOptions extends OperatorSurroundings {
  readonly random: Random;
  /** Operators that run at once; with more than one, the one that holds the lease acts. */
  readonly replicas: number;
  /** Told of an operator that has failed in a way that no operator may. */
  readonly onFailure: (error: unknown) => void;
}

/** Time until an operator that has ended is started again, in ms: its kubelet does that. */
const RESTART_MS = { least: 200, most: 5_000 };

/** Keeps the operators of the simulated world running, and ends them when a history says so. */
export class OperatorHost {
  private readonly running: (OperatorReplica | undefined)[];
  private started = 0;

  constructor(private readonly options: OperatorHostOptions) {
    this.running = Array.from({ length: options.replicas }, () => undefined);
  }

  /** Starts every operator that does not run. */
  start(): void {
    for (const place of this.running.keys()) if (this.running[place] === undefined) this.startAt(place);
  }

  /** The operator at a share of all; undefined when none runs there now. */
  at(share: number): OperatorReplica | undefined {
    return this.running[Math.floor(share * this.running.length)];
  }

  /** Kills all for good. */
  end(): void {
    for (const replica of this.running) replica?.kill();
  }

  private startAt(place: number): void {
    const { clock, replicas, random } = this.options;
    const name = `operator-${this.started++}`;
    const replica = new OperatorReplica({
      ...this.options,
      name,
      random: random.fork(name),
      elects: replicas > 1,
      onEnd: () => {
        this.running[place] = undefined;
        clock.setTimer(random.between(RESTART_MS.least, RESTART_MS.most), () => this.start());
      },
    });
    this.running[place] = replica;
    replica.start();
  }
}
