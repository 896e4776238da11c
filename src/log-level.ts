import { LOG_LEVELS, LOG_VERBOSITY } from './schema/settings';

/** How much the operator logs. */
export class LogLevel {
  /** Every step. */
  static readonly DEBUG = new LogLevel('debug');
  /** Changes of state. */
  static readonly INFO = new LogLevel('info');
  /** What somebody should look at. */
  static readonly WARN = new LogLevel('warn');
  /** Failures only. */
  static readonly ERROR = new LogLevel('error');

  /**
   * A level by number, as existing values give it.
   *
   * @param verbosity 1 is debug, 2 to 999 is all there is
   * @throws SYNTH_INVALID at synth when it is no such number
   */
  static verbosity(verbosity: number): LogLevel {
    return new LogLevel(String(verbosity));
  }

  /** @param flag value of the operator's flag */
  private constructor(readonly flag: string) {}
}

/** Whether `value` is a level that the operator accepts. */
export function isLogLevel(value: unknown): value is LogLevel {
  return value instanceof LogLevel && (LOG_LEVELS.some((level) => level === value.flag) || LOG_VERBOSITY.test(value.flag));
}
