import type { ExecdEventError } from '../../../src/schema/execd-api';
import type { CommandEnd, CommandSink } from './command';
import type { EventStream } from './event-stream';
import { LineSplitter } from './line-splitter';
import { problemOf } from './register';

/** Sends the output of a command as events, line by line. */
export class StreamOutput implements CommandSink {
  private readonly splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() };

  constructor(private readonly stream: EventStream) {}

  take(stream: 'stdout' | 'stderr', piece: Buffer): boolean {
    return this.stream.writeLines(stream, this.splitters[stream].push(piece));
  }

  /** Sends what has no end of a line. */
  flush(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      this.stream.writeLines(stream, this.splitters[stream].end());
    }
  }

  /** Sends what has no end of a line, and how the command ended. */
  end(end: CommandEnd): void {
    this.flush();
    if (end.exitCode === 0) {
      this.stream.complete(end.elapsedMs);
    } else {
      this.stream.fail(errorOf(end));
    }
  }
}

/** The error of a run as its event has it. */
function errorOf(end: CommandEnd): ExecdEventError {
  return { ename: end.isTimeout ? 'CommandTimeout' : 'CommandExecError', evalue: String(end.exitCode), traceback: [problemOf(end) ?? ''] };
}
