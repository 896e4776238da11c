import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Readable } from 'node:stream';
import type { ProcessSpec } from './pod-process';

/** A command that runs beside the first process of a container. */
export interface ExecCommand {
  readonly stdout: AsyncIterable<Uint8Array>;
  readonly stderr: AsyncIterable<Uint8Array>;
  /** Exit code, once it has ended: 128+n after signal n, 127 when it could not be started; never rejects. */
  readonly ended: Promise<number>;
  write(chunk: Uint8Array): void;
  endInput(): void;
  /** Ends it and what it has started, at once. */
  kill(): void;
}

const START_FAILURE_EXIT_CODE = 127;

/** Starts a command with directory and environment of a container. */
export function startCommand(argv: readonly string[], { cwd, env }: ProcessSpec): ExecCommand {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { cwd, env: { ...env }, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  let hasEnded = false;
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => {
      hasEnded = true;
      resolve(signal === null ? (code ?? START_FAILURE_EXIT_CODE) : 128 + constants.signals[signal]);
    });
    child.once('error', (error) => {
      hasEnded = true;
      child.stderr.push(`${error.message}\n`);
      child.stderr.push(null);
      child.stdout.push(null);
      resolve(START_FAILURE_EXIT_CODE);
    });
  });
  child.stdin.on('error', () => undefined); // it may end before it has read everything
  return {
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    write: (chunk) => child.stdin.write(chunk),
    endInput: () => child.stdin.end(),
    kill: () => {
      if (hasEnded || child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended between the check and the signal.
      }
    },
  };
}

/** A command that has ended already. */
export function endedCommand(exitCode: number, message = ''): ExecCommand {
  const nothing = () => undefined;
  return {
    stdout: Readable.from([]),
    stderr: Readable.from(message === '' ? [] : [Buffer.from(message)]),
    ended: Promise.resolve(exitCode),
    write: nothing,
    endInput: nothing,
    kill: nothing,
  };
}
