import { writeSync } from 'node:fs';
import type { Clock } from '../src/program/clock';
import { LOG_LEVELS, type LogLevel } from '../src/schema/settings';

/**
 * The log of the executor: one line of JSON per event on standard error. Names, times and results only: what a task is given
 * and what it writes is not for the log (rule 24).
 *
 * Not pino, as in the other programs: it costs every sandbox 1.3 MB of private memory and a tenth of the start.
 */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** @param write takes one line with its end */
export function createLog(level: LogLevel, clock: Pick<Clock, 'now'>, write = (line: string): void => void writeSync(2, line)): Log {
  const logAt = (lineLevel: LogLevel) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    if (LOG_LEVELS.indexOf(lineLevel) < LOG_LEVELS.indexOf(level)) {
      return;
    }
    const line = { level: lineLevel, time: clock.now().toISOString(), program: 'sandbox-executor', ...fields, msg: message };
    try {
      write(`${JSON.stringify(line, (_key, value: unknown) => (value instanceof Error ? value.stack : value))}\n`);
    } catch {
      // Nobody reads standard error any more, or its pipe is full: the work goes on.
    }
  };
  return { info: logAt('info'), error: logAt('error') };
}
