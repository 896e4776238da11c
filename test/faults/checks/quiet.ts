import type { SentRequest } from './evidence';
import type { Violation } from './safety';

/** Whether operators still write although nothing happens (R64, R97). Their leases do not count. */
export class QuietCheck {
  private last: { readonly atMs: number; readonly request: SentRequest } | undefined;

  /** @param nowMs time in ms */
  constructor(private readonly nowMs: () => number) {}

  /** A client is about to have a request served. */
  judgeRequest(client: string, request: SentRequest): void {
    if (!client.startsWith('operator') || request.method === 'GET' || request.path.includes('/leases/')) return;
    this.last = { atMs: this.nowMs(), request };
  }

  /** Time since the last write, or since `beginMs` when that is later, in ms. */
  quietMs(beginMs: number): number {
    return this.nowMs() - Math.max(beginMs, this.last?.atMs ?? beginMs);
  }

  /** What is wrong when the writes do not end: pods that come and go, or a status that is written again and again. */
  violation(): Violation {
    const { method = '', path = '' } = this.last?.request ?? {};
    const isPod = (method === 'POST' || method === 'DELETE') && /\/pods(\/[^/]+)?$/.test(path);
    return { rule: isPod ? 'R64' : 'R97', message: `the operator still writes, at last ${method} ${path}` };
  }
}
