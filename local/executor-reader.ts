import { Port } from '../src/schema/names';

/** Longest wait for one answer of an executor, in ms. */
const ANSWER_MS = 10_000;

/** True when the executor at the address says that it is healthy. */
export async function isHealthy(address: string, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await fetchFrom(address, '/health', signal);
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}

/**
 * Everything that a task has written to standard output.
 *
 * @throws Error when the executor does not answer with it, or has dropped its beginning
 */
export async function readTaskOutput(address: string, task: string, signal: AbortSignal): Promise<string> {
  const parts: Buffer[] = [];
  let offset = 0;
  for (;;) {
    const answer = await fetchFrom(address, `/tasks/${encodeURIComponent(task)}/logs?stream=stdout&offset=${String(offset)}`, signal);
    const subject = `task '${task}': output`;
    if (answer.status !== 200) {
      throw new Error(`${subject}: expected HTTP 200, got ${String(answer.status)}: ${(await answer.text()).slice(0, 200)}`);
    }
    const first = Number(answer.headers.get('x-log-offset'));
    if (first !== offset) throw new Error(`${subject}: expected byte ${String(offset)}, got ${String(first)} as the first that is kept`);
    parts.push(Buffer.from(await answer.arrayBuffer()));
    const next = Number(answer.headers.get('x-log-next-offset'));
    if (answer.headers.get('x-log-complete') === 'true' || next === offset) return Buffer.concat(parts).toString();
    offset = next;
  }
}

function fetchFrom(address: string, path: string, signal: AbortSignal): Promise<Response> {
  const host = address.includes(':') ? `[${address}]` : address;
  return fetch(`http://${host}:${String(Port.executor)}${path}`, { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]) });
}
