import { LifecycleError } from '../lifecycle-error';

/** Most requests and web sockets under way into one sandbox. */
const MAX_OF_SANDBOX = 256;

/** Something that ends when it is destroyed. */
interface Destroyable {
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** What goes through the proxy now: counted by sandbox, and all of it ended at the end. */
export class StreamCount {
  private readonly byId = new Map<string, number>();
  private readonly open = new Set<Destroyable>();
  private total = 0;

  get count(): number {
    return this.total;
  }

  /**
   * Counts one more for a sandbox, until the returned function is called.
   *
   * @throws LifecycleError GENERAL::TOO_MANY_REQUESTS when it has too many
   */
  enter(id: string): () => void {
    const count = this.byId.get(id) ?? 0;
    if (count >= MAX_OF_SANDBOX) {
      throw new LifecycleError('GENERAL::TOO_MANY_REQUESTS', `sandbox '${id}': expected at most ${MAX_OF_SANDBOX} requests under way, got one more`, { retryAfterSeconds: 1 });
    }
    this.byId.set(id, count + 1);
    this.total += 1;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.total -= 1;
      const left = (this.byId.get(id) ?? 1) - 1;
      if (left === 0) this.byId.delete(id);
      else this.byId.set(id, left);
    };
  }

  /** Ends these with all others. */
  watch(...streams: readonly Destroyable[]): void {
    for (const stream of streams) {
      this.open.add(stream);
      stream.once('close', () => this.open.delete(stream));
    }
  }

  /** Ends everything. */
  destroyAll(): void {
    for (const stream of this.open) stream.destroy();
  }
}
