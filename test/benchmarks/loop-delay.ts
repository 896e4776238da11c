/** How late an event loop came to its timers, in ms. */
export interface LoopDelay {
  readonly mean: number;
  readonly p99: number;
  readonly most: number;
}

/** The monitor asks for a turn every 10 ms, and counts the time until it has it: that much is no delay. */
const INTERVAL_MS = 10;

/** Reads the delay of the event loop from metrics in the text form of Prometheus. @throws Error when a metric is missing */
export function parseLoopDelay(metrics: string): LoopDelay {
  const read = (part: string) => {
    const seconds = new RegExp(`^nodejs_eventloop_lag_${part}_seconds (\\S+)$`, 'm').exec(metrics)?.[1];
    if (seconds === undefined) throw new Error(`metrics: expected nodejs_eventloop_lag_${part}_seconds, got none`);
    return Math.max(0, 1000 * Number(seconds) - INTERVAL_MS);
  };
  return { mean: read('mean'), p99: read('p99'), most: read('max') };
}
