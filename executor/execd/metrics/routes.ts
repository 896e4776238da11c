import type { Clock } from '../../../src/program/clock';
import { sendJson } from '../answers';
import type { Call } from '../calls';
import type { RouteTable } from '../router';
import type { Metrics } from './metrics';

/** Pause between two lines of a watch, in ms. */
const WATCH_EVERY_MS = 1_000;

/** What the sandbox uses, once or every second. */
export function metricsRoutes(metrics: Metrics, clock: Clock): RouteTable {
  return {
    '/metrics': { GET: async ({ response }) => sendJson(response, await metrics.read()) },
    '/metrics/watch': { GET: (call) => watchMetrics(call, metrics, clock) },
  };
}

/** Sends a line every second until the caller goes; one who reads slowly gets fewer. */
async function watchMetrics({ response }: Call, metrics: Metrics, clock: Clock): Promise<void> {
  if (response.destroyed) {
    return; // he has gone while the API was being loaded: no event will tell it
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const first = await metrics.read();
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-cache' });
  response.write(`${JSON.stringify(first)}\n`);
  for (await clock.sleep(WATCH_EVERY_MS, gone.signal); !gone.signal.aborted; await clock.sleep(WATCH_EVERY_MS, gone.signal)) {
    if (!response.writableNeedDrain) {
      response.write(`${JSON.stringify(await metrics.read())}\n`);
    }
  }
}
