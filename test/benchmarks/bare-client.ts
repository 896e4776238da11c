import { Connections } from '../../operator/kube/connections';
import { fixedConnection } from '../../operator/kube/connection';
import { exchange, type HttpRequest } from '../../operator/kube/exchange';
import type { KubeObject } from '../../src/schema/kubernetes';
import { LineCutter } from './line-cutter';

/** Who talks to which API server. */
export interface ClientAccess {
  readonly url: string;
  readonly token: string;
  /** Certificate of the authority, as PEM. */
  readonly ca: string;
}

/** How a request is sent. */
export interface SendOptions {
  /** @default 'application/json' */
  readonly contentType?: string;
  /** Has the server answer with nothing but the metadata. @default false */
  readonly metadataOnly?: boolean;
}

/** Such an answer to a write of 10,000 sandboxes is 1 kB and not 800. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
/** Begin of the line by which the server says that a watch cannot go on. */
const ERROR = Buffer.from('{"type":"ERROR"');
/** Stands in its answer when it has forgotten what came after a version. */
const GONE = '"code":410';
const VERSION_KEY = '"resourceVersion":"';
/** A watch is not ended by the server before this time, in seconds. */
const WATCH_SECONDS = 7_200;

/** Who hears a watch. */
export interface WatchListener {
  readonly onLine: (line: Buffer) => void;
  /** All objects of the collection, in place of lines that are lost. */
  readonly onListed: (objects: readonly KubeObject[]) => void;
}

/**
 * The least that a client can do: text out, text in, over connections that stay open, on the transport of the operator. Nothing is parsed.
 *
 * What takes part in a measurement goes through it, bare loops above all, so that they are as fast as a loop can be.
 */
export class BareClient {
  private readonly calls: Connections;
  private readonly watches: Connections;
  private readonly over = new AbortController();
  private readonly authorization: string;

  /** @param mostConnections for calls; each watch has one more */
  constructor(
    { url, token, ca }: ClientAccess,
    readonly mostConnections = 64,
  ) {
    const connection = fixedConnection(url, token, { ca });
    this.authorization = `Bearer ${token}`;
    this.calls = new Connections(connection, mostConnections);
    this.watches = new Connections(connection);
  }

  /** Sends one request; the text of the answer. @throws Error for an answer that is no success */
  async send(method: HttpRequest['method'], path: string, body?: string, { contentType = 'application/json', metadataOnly = false }: SendOptions = {}): Promise<string> {
    const headers = { authorization: this.authorization, accept: metadataOnly ? METADATA_ONLY : 'application/json', 'user-agent': 'bench', ...(body !== undefined && { 'content-type': contentType }) };
    const answer = await exchange(this.calls.dispatcher, { method, path, headers, body }, this.over.signal);
    if (answer.status > 299) throw new Error(`${method} ${path}: expected success, got status ${answer.status}: ${answer.body.slice(0, 500)}`);
    return answer.body;
  }

  /** Sends a JSON patch in the way that costs the server least; the version of the object afterwards. */
  async patch(path: string, operations: string): Promise<string> {
    return versionOf(await this.send('PATCH', `${path}?fieldValidation=Ignore`, operations, { contentType: 'application/json-patch+json', metadataOnly: true }));
  }

  /**
   * Watches a collection from now on, line by line. A server that is busy may end a watch; it then goes on behind the last line, and where the server has
   * forgotten what came after that, with all that there is now.
   *
   * @returns a promise that rejects when the server refuses the watch, and never resolves
   */
  async watch(path: string, { onLine, onListed }: WatchListener): Promise<{ readonly failed: Promise<never> }> {
    let { version } = readList(await this.send('GET', `${path}?limit=1`));
    let onOpen: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (onOpen = resolve));
    const goOn = async (): Promise<never> => {
      for (;;) {
        let last: Buffer | undefined;
        const cutter = new LineCutter((line) => {
          last = line;
          if (!isError(line)) onLine(line);
        });
        const headers = { authorization: this.authorization, accept: 'application/json', 'user-agent': 'bench' };
        const request: HttpRequest = { method: 'GET', path: `${path}?watch=true&resourceVersion=${version}&timeoutSeconds=${WATCH_SECONDS}`, headers };
        const { status, body } = await exchange(this.watches.dispatcher, request, this.over.signal, { onOpen: () => onOpen(), onData: (chunk) => cutter.push(chunk) });
        const refusal = status > 299 ? body : last !== undefined && isError(last) ? last.toString() : undefined;
        if (refusal === undefined) {
          version = last === undefined ? version : versionOf(last.toString());
        } else if (refusal.includes(GONE)) {
          process.stderr.write(`watch of ${path}: the server has forgotten what came after version ${version}; its round waits for a list\n`);
          const list = readList(await this.send('GET', path));
          ({ version } = list);
          onListed(list.items);
        } else {
          throw new Error(`watch of ${path}: expected it to go on, got status ${status}: ${refusal}`);
        }
      }
    };
    const failed = goOn();
    await Promise.race([opened, failed]);
    failed.catch(() => undefined); // nobody may be waiting when the client is closed
    return { failed };
  }

  /** Breaks all connections. */
  async close(): Promise<void> {
    this.over.abort(new Error('client: expected no call after its end'));
    await Promise.all([this.calls.destroy(), this.watches.destroy()]);
  }
}

/** Objects of a list, and its version: of custom resources it stands behind the objects, which have versions of their own. */
function readList(text: string): { readonly version: string; readonly items: readonly KubeObject[] } {
  const { metadata, items } = JSON.parse(text) as { readonly metadata: { readonly resourceVersion: string }; readonly items: readonly KubeObject[] };
  return { version: metadata.resourceVersion, items };
}

const isError = (line: Buffer): boolean => line.subarray(0, ERROR.length).equals(ERROR);

/** The version of an object, from the text of it or of a line of a watch: the first that stands in it. @throws Error without one */
export function versionOf(text: string): string {
  const start = text.indexOf(VERSION_KEY);
  if (start < 0) throw new Error(`object: metadata.resourceVersion: expected one, got '${text.slice(0, 200)}'`);
  return text.slice(start + VERSION_KEY.length, text.indexOf('"', start + VERSION_KEY.length));
}
