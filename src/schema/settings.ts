/**
 * Settings of the programs as tables: from one table come the parser, the `--help` text and the flags that constructs render.
 *
 * Values are text as people write them (defaults too); src/program/load-settings.ts turns them into values.
 */

/** Levels of the log, most talkative first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A level by number, as zap has them: 1 is debug, above is all there is. */
export const LOG_VERBOSITY = /^[1-9]\d{0,2}$/;

/** Where a program listens. */
export interface ListenAddress {
  /** Host name or address; `''` is every address of the machine. */
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
}

interface SettingText {
  /** Flag without dashes; absent for a setting that only the environment sets. */
  readonly flag?: string;
  /** Environment variable; a flag wins over it, and empty counts as absent, but for {@link isSetWhenEmpty}. */
  readonly env?: string;
  /** Whether an empty variable counts as given, for what is less safe without a value: a Secret with an empty key must not look like none. @default false */
  readonly isSetWhenEmpty?: boolean;
  /** As a user would write it; absent means that the value is `undefined` unless set. */
  readonly default?: string;
  /** One sentence for `--help`. */
  readonly description: string;
  /** The value is never printed, not even in an error. */
  readonly secret?: boolean;
}

/**
 * One setting. What each kind accepts, and the value it yields:
 *
 * | kind | written | value |
 * |---|---|---|
 * | `string` | any text | string |
 * | `integer` | `-?[0-9]+`, from `min` to `max` (default 0 and 2^53-1) | number |
 * | `boolean` | flag: Go's spellings of true and false, alone means true; environment: only `true` is true | boolean |
 * | `duration` | `10m`, `1h30m`, `500ms`, `0`; `min` and `max` in ms (default 0 and 2^31-1, the longest timer) | number of ms |
 * | `address` | `host:port`, `:port`, `[::1]:port` | {@link ListenAddress} |
 * | `addressOrOff` | as `address`, or `0` or nothing for off | {@link ListenAddress} or undefined |
 * | `list` | comma-separated, empty items dropped | array of strings |
 * | `counts` | `name=1;other=2`, whole numbers above 0, names out of the default | object of numbers, complete |
 * | `logLevel` | a level, or zap's numbers (1 is debug, above is trace) | {@link LogLevel} |
 */
export type Setting = SettingText &
  (
    | { readonly kind: 'string' | 'boolean' | 'address' | 'addressOrOff' | 'list' | 'logLevel' }
    | { readonly kind: 'integer' | 'duration'; readonly min?: number; readonly max?: number }
    | { readonly kind: 'counts'; readonly default: string }
  );

/** What a value of each kind is in the program. */
export interface SettingValues {
  readonly string: string;
  readonly integer: number;
  readonly boolean: boolean;
  readonly duration: number;
  readonly address: ListenAddress;
  readonly addressOrOff: ListenAddress | undefined;
  readonly list: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly logLevel: LogLevel;
}

/** Settings of one program by name. */
export type SettingTable = Readonly<Record<string, Setting>>;

/** The values of a table: a setting without a default may be `undefined`. */
export type SettingsOf<T extends SettingTable> = {
  readonly [Name in keyof T]: SettingValues[T[Name]['kind']] | (T[Name] extends { readonly default: string } ? never : undefined);
};

/** A table and what belongs to it. */
export interface Settings<T extends SettingTable = SettingTable> {
  /** Name in messages, such as `operator` in `operator settings: …`. */
  readonly program: string;
  readonly table: T;
  /** Problems of single values that contradict each other, in the error form without subject. */
  readonly check: (values: SettingsOf<T>) => readonly string[];
}

/** Defines the settings of a program; the type of its values is inferred from the table. */
export function defineSettings<const T extends SettingTable>(
  program: string,
  table: T,
  check: (values: SettingsOf<T>) => readonly string[] = () => [],
): Settings<T> {
  return { program, table, check };
}
