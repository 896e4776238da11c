/** Reads from metrics in the text form of Prometheus how many Events wait to be written. @throws Error when the metric is missing */
export function parseWaitingEvents(metrics: string): number {
  const count = /^workqueue_depth\{name="event"\} (\d+)$/m.exec(metrics)?.[1];
  if (count === undefined) throw new Error('metrics: expected workqueue_depth{name="event"}, got none');
  return Number(count);
}
