import { constants } from 'node:os';
import { type Progress, silentProgress, terminalProgress } from './progress';

/** What a command may use of its surroundings. */
export interface CommandContext {
  /** Aborts on Ctrl-C and on a request to end. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes a line to standard output: results, as opposed to progress. */
  print(line: string): void;
  /** Registers work to be done at the end, however the command ends; the last registered is done first. */
  atEnd(work: () => Promise<void>): void;
}

/** Why a command ended early: the signal that the process got. */
class Interruption extends Error {
  constructor(readonly exitCode: number) {
    super('interrupted');
    this.name = 'Interruption';
  }
}

/**
 * Runs a command to its end and cleans up; returns the exit code: 0, 1 after an error, 128+n after signal n (130 after Ctrl-C).
 *
 * A second signal ends the process at once; the reaper of the cluster then cleans up.
 */
export async function runCommand(
  run: (context: CommandContext) => Promise<void>,
  { json, env }: { readonly json: boolean; readonly env: CommandContext['env'] },
): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const exitCode = 128 + constants.signals[signal];
    process.on(signal, () => (interrupted.signal.aborted ? process.exit(exitCode) : interrupted.abort(new Interruption(exitCode))));
  }
  const endWork: (() => Promise<void>)[] = [];
  const context: CommandContext = {
    signal: interrupted.signal,
    progress: json ? silentProgress : await terminalProgress(),
    env,
    print: (line) => process.stdout.write(`${line}\n`),
    atEnd: (work) => endWork.unshift(work),
  };
  const exitCodes = [await toExitCode(() => run(context), interrupted.signal)];
  // What cannot be cleaned up is told after an interruption too.
  for (const work of endWork) exitCodes.push(await toExitCode(work));
  return Math.max(...exitCodes);
}

async function toExitCode(work: () => Promise<void>, signal?: AbortSignal): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    // What fails after an interruption fails because of it.
    if (signal?.reason instanceof Interruption) return signal.reason.exitCode;
    process.stderr.write(`sandboxes: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
