import pino, { type DestinationStream, type Logger } from 'pino';
import type { LogLevel } from '../schema/settings';

export type { Logger };

/** Fields that never reach the log, wherever a call site puts them, down to the third level. */
const SECRET_FIELDS = ['token', 'apiKey', 'authorization', 'Authorization', 'password', 'env'];
const SECRET_PATHS = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

/**
 * The log of a program: JSON lines, `info` and above unless told otherwise.
 *
 * @param destination stderr by default, written synchronously, so that the last line before an exit is there
 */
export function createLogger(program: string, level: LogLevel = 'info', destination: DestinationStream = pino.destination({ dest: 2, sync: true })): Logger {
  return pino(
    {
      level,
      base: { program },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_PATHS, censor: '[redacted]' },
    },
    destination,
  );
}
