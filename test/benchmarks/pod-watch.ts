import type { Pod } from '../../src/schema/kubernetes';
import type { BareClient } from './bare-client';
import { within } from './within';

const DELETED = Buffer.from('{"type":"DELETED"');
const NAME = '"metadata":{"name":"';
const READY = '{"type":"Ready",';
const STATUS = '"status":"';
const TRUE = 'T'.charCodeAt(0);

/** Counts the pods of a namespace that are Ready. Nothing is parsed: a thousand pods tell of themselves five times each. */
export class PodWatch {
  private readonly pods = new Map<string, boolean>();
  private ready = 0;
  private isOver: () => boolean = () => false;
  private resolve: (atMs: number) => void = () => undefined;
  private failed: Promise<never> = new Promise(() => undefined);

  private constructor() {}

  /** @param path of the pods of a namespace, in which there is none yet */
  static async open(client: BareClient, path: string): Promise<PodWatch> {
    const watch = new PodWatch();
    ({ failed: watch.failed } = await client.watch(path, { onLine: (line) => watch.take(line), onListed: (pods) => watch.takeAll(pods) }));
    return watch;
  }

  /** When so many pods are Ready. */
  untilReady(count: number): Promise<number> {
    return this.until(`${count} pods Ready`, () => this.ready >= count);
  }

  /** When there is no pod. */
  untilNone(): Promise<number> {
    return this.until('no pods', () => this.pods.size === 0);
  }

  private until(what: string, isOver: () => boolean): Promise<number> {
    if (isOver()) return Promise.resolve(performance.now());
    const seen = new Promise<number>((resolve) => (this.resolve = resolve));
    this.isOver = isOver;
    const over = within(Promise.race([seen, this.failed]), what);
    over.catch(() => undefined); // its caller may be busy with what is to make it so
    return over;
  }

  private take(line: Buffer): void {
    const { name, isReady, isDeleted } = readPodLine(line);
    if (this.pods.get(name) === true) this.ready -= 1;
    if (isDeleted) {
      this.pods.delete(name);
    } else {
      this.pods.set(name, isReady);
      if (isReady) this.ready += 1;
    }
    this.tell();
  }

  private takeAll(pods: readonly Pod[]): void {
    this.pods.clear();
    for (const { metadata, status } of pods) this.pods.set(metadata.name, status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true);
    this.ready = [...this.pods.values()].filter((isReady) => isReady).length;
    this.tell();
  }

  private tell(): void {
    if (!this.isOver()) return;
    this.isOver = () => false;
    this.resolve(performance.now());
  }
}

/** Name and state of the pod of a line of a watch. */
export function readPodLine(line: Buffer): { readonly name: string; readonly isReady: boolean; readonly isDeleted: boolean } {
  const name = line.indexOf(NAME) + NAME.length;
  const ready = line.indexOf(READY);
  const status = ready < 0 ? -1 : line.indexOf(STATUS, ready);
  return {
    name: line.toString('latin1', name, line.indexOf('"', name)),
    isReady: status >= 0 && line[status + STATUS.length] === TRUE,
    isDeleted: line.subarray(0, DELETED.length).equals(DELETED),
  };
}
