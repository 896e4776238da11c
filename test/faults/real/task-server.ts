import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Run } from '../executors';

/**
 * What a task runs: it tells that it has started, and waits until that is noted; and the same at its end. What it has open, its child has too,
 * so the connection ends with the last of them, whatever ended them.
 *
 * Arguments: port, name of the batch as the harness knows it, seconds or 0, exit code, manner. Variables: SLOT, and the node's own.
 */
const SCRIPT = `
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 99
echo "start $2 $SLOT $SANDBOXES_POD" >&3
read -r -u 3 || exit 98
[ "$5" = polite ] || trap '' TERM
if [ "$3" = 0 ]; then sleep 1000000; else sleep "$3"; fi
echo "end $4" >&3
read -r -u 3
exit "$4"
`;

/** Tells a connection's task from others: which batch it is of. */
export interface TaskOwner {
  readonly batchUID: string;
  readonly batchName: string;
}

export interface TaskServerOptions {
  /** Revision of everything that is stored now. */
  readonly ask: () => Promise<number>;
  /** Revision before which a process was over that is found to be over now. */
  readonly earlier: () => number;
  /** The batch whose task was made by {@link TaskServer.command} with this mark. */
  readonly ownerOf: (mark: string) => TaskOwner | undefined;
  readonly onTask: (moment: 'start' | 'end', run: Run, revision: number, exitCode?: number) => void;
}

/** Hears of real tasks when they start and when they are over. */
export class TaskServer {
  /** Every run that ever began, in order. */
  readonly runs: Run[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly options: TaskServerOptions,
  ) {
    server.on('connection', (socket) => this.hear(socket));
  }

  static async start(options: TaskServerOptions): Promise<TaskServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TaskServer(server, options);
  }

  /** Command of a task that tells this server of itself. */
  command(mark: string, seconds: number, exitCode: number, manner: string): string[] {
    return ['bash', '-c', SCRIPT, 'task-under-faults', String((this.server.address() as AddressInfo).port), mark, String(seconds), String(exitCode), manner];
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }

  private hear(socket: Socket): void {
    this.sockets.add(socket);
    let run: { readonly run: Run; readonly revision: number } | undefined;
    socket.on('error', () => undefined); // it is closed, too
    socket.on('close', () => {
      this.sockets.delete(socket);
      if (run !== undefined) this.end(run.run, Math.max(run.revision, this.options.earlier()), undefined);
    });
    createInterface({ input: socket })
      .on('line', (line) => {
        void this.options.ask().then(
          (revision) => {
            const [word, ...words] = line.split(' ');
            if (word === 'start') {
              run = this.begin(words, revision);
              // It may have been killed before its start was noted.
              if (run !== undefined && socket.destroyed) this.end(run.run, revision, undefined);
            } else if (run !== undefined) this.end(run.run, revision, Number(words[0]));
            socket.write('noted\n');
          },
          () => socket.destroy(), // all is over
        );
      })
      .on('error', () => undefined);
  }

  private begin([mark = '', slot = '', podUID = '']: readonly string[], revision: number): { readonly run: Run; readonly revision: number } | undefined {
    const owner = this.options.ownerOf(mark);
    // Where the patches that number the slots were spoiled, nobody knows whose task it is.
    if (owner === undefined || slot === '') return undefined;
    const run: Run = { podUID, batchUID: owner.batchUID, name: `${owner.batchName}-${slot}`, startedAtMs: performance.now(), endedAtMs: undefined, exitCode: undefined };
    this.runs.push(run);
    this.options.onTask('start', run, revision);
    return { run, revision };
  }

  private end(run: Run, revision: number, exitCode: number | undefined): void {
    if (run.endedAtMs !== undefined) return;
    run.endedAtMs = performance.now();
    run.exitCode = exitCode ?? -1;
    this.options.onTask('end', run, revision, run.exitCode);
  }
}
