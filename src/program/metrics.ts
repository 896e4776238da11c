import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Metrics of one program in a registry of their own. */
export abstract class ProgramMetrics {
  readonly registry = new Registry();

  /** Adds what concerns the process as a whole, such as its memory; called once in a process, since it watches its event loop for good. */
  observeProcess(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  protected counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  /** @param buckets upper bounds, rising, in the unit of the metric */
  protected histogram<L extends string>(name: string, help: string, labelNames: L[], buckets: number[]): Histogram<L> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }

  /** @param collect sets the values, at every scrape anew */
  protected gauge<L extends string>(name: string, help: string, labelNames: L[], collect: (gauge: Gauge<L>) => void): void {
    new Gauge<L>({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        collect(this);
      },
    });
  }
}
