import type { Http2Bindings, HttpBindings } from '@hono/node-server';
import type { WatchSink } from './watch';

/** An open watch, as the server sees it. */
export interface WatchConnection extends WatchSink {
  /** Calls back once when the client is gone or the watch has ended. */
  onClose(callback: () => void): void;
}

/** What the one who takes requests gives along with each. */
export interface WatchBindings {
  /** Sends the head of the answer to a watch; what follows goes to the connection. */
  openWatch(): WatchConnection;
}

/** Bytes that a watcher may leave unread before its watch is broken; it then lists anew, as with a real API server. */
const MAX_BACKLOG_BYTES = 32 * 1024 * 1024;

/**
 * Sends the lines of a watch straight into a response, without the streams between: a watch is the busiest path of the server.
 * Lines of one turn of the event loop leave together.
 */
export function openWatchSink(outgoing: (HttpBindings | Http2Bindings)['outgoing']): WatchConnection {
  if ('stream' in outgoing) throw new Error('watch: expected HTTP/1.1, got HTTP/2');
  outgoing.writeHead(200, { 'content-type': 'application/json' });
  outgoing.flushHeaders();
  let isCorked = false;
  const uncork = () => {
    if (isCorked) outgoing.uncork();
    isCorked = false;
  };
  return {
    write: (line) => {
      if (outgoing.destroyed) return;
      if (outgoing.writableLength > MAX_BACKLOG_BYTES) {
        outgoing.destroy();
        return;
      }
      if (!isCorked) {
        isCorked = true;
        outgoing.cork();
        process.nextTick(uncork);
      }
      outgoing.write(line);
    },
    end: () => {
      // Node writes the end of a corked response before what is corked.
      uncork();
      outgoing.end();
    },
    onClose: (callback) => void outgoing.once('close', callback),
  };
}
