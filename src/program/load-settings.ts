import type { Setting, Settings, SettingsOf, SettingTable } from '../schema/settings';
import { parseSetting } from './setting-values';

/** Settings, or everything that is wrong with them. */
export type LoadedSettings<T extends SettingTable> =
  | { readonly ok: true; readonly settings: SettingsOf<T> }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Exit code of a program whose flags or environment are wrong. */
export const BAD_SETTINGS_EXIT_CODE = 2;

/**
 * Reads the settings of a program once: defaults, then environment, then flags.
 *
 * Flags are `--name=value`, `--name value`, or the same with one dash; the last of equal flags wins. A boolean takes a
 * value only with `=`. Every problem is found before the answer, in the order of the table.
 *
 * @param argv arguments after the program's name
 */
export function loadSettings<const T extends SettingTable>(
  settings: Settings<T>,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): LoadedSettings<T> {
  const flags = readFlags(settings.table, argv);
  const problems = [...flags.problems];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings.table)) {
    const source = sourceOf(setting, flags.textByFlag, env);
    if (source === undefined) {
      values[name] = undefined;
      continue;
    }
    const parsed = parseSetting(setting, source.text);
    if ('value' in parsed) values[name] = parsed.value;
    else problems.push(`${source.name}: expected ${parsed.expected}, got ${quoteValue(setting, source.text)}`);
  }
  if (problems.length > 0) return { ok: false, problems };
  // Each name of the table has been given the value of its kind just above.
  const complete = values as SettingsOf<T>;
  const contradictions = settings.check(complete);
  return contradictions.length > 0 ? { ok: false, problems: contradictions } : { ok: true, settings: complete };
}

/** All problems in one line: `operator settings: 2 problems: …; …`. */
export function settingsProblemText<T extends SettingTable>(settings: Pick<Settings<T>, 'program'>, problems: readonly string[]): string {
  const count = problems.length === 1 ? '' : `${problems.length} problems: `;
  return `${settings.program} settings: ${count}${problems.join('; ')}`;
}

/** Whether the arguments ask for `--help` instead of a run. */
export function wantsHelp(argv: readonly string[]): boolean {
  return argv.some((argument) => ['--help', '-help', '-h'].includes(argument));
}

/** Whether the arguments ask for `--version` instead of a run. */
export function wantsVersion(argv: readonly string[]): boolean {
  return argv.some((argument) => ['--version', '-version'].includes(argument));
}

/** The list of settings for `--help`: one paragraph each, with default and environment variable. */
export function settingsHelp<T extends SettingTable>(settings: Pick<Settings<T>, 'table'>): string {
  return Object.values(settings.table)
    .map((setting) => {
      const name = setting.flag === undefined ? `${setting.env ?? ''} (environment only)` : `--${setting.flag}${VALUE_HINT[setting.kind]}`;
      const facts = [
        ...(setting.default === undefined || setting.default === '' ? [] : [`default ${setting.default}`]),
        ...(setting.flag === undefined || setting.env === undefined ? [] : [`environment ${setting.env}`]),
      ];
      return `  ${name}\n      ${setting.description}${facts.length > 0 ? ` [${facts.join('; ')}]` : ''}\n`;
    })
    .join('');
}

const VALUE_HINT: Readonly<Record<Setting['kind'], string>> = {
  string: '=TEXT',
  integer: '=NUMBER',
  boolean: '[=true|false]',
  duration: '=DURATION',
  address: '=HOST:PORT',
  addressOrOff: '=HOST:PORT|0',
  list: '=A,B,…',
  counts: '=NAME=N;…',
  logLevel: '=LEVEL',
};

interface ReadFlags {
  readonly textByFlag: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

function readFlags(table: SettingTable, argv: readonly string[]): ReadFlags {
  const kindByFlag = new Map(Object.values(table).flatMap(({ flag, kind }) => (flag === undefined ? [] : [[flag, kind] as const])));
  const textByFlag = new Map<string, string>();
  const problems: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    const match = /^--?([A-Za-z][^=]*)(?:=([^]*))?$/.exec(argument);
    const flag = match?.[1] ?? '';
    const kind = kindByFlag.get(flag);
    if (match === null) problems.push(`arguments: expected a flag, got '${argument.slice(0, 200)}'`);
    else if (kind === undefined) problems.push(`--${flag}: unknown flag; --help lists the known ones`);
    else if (match[2] !== undefined) textByFlag.set(flag, match[2]);
    else if (kind === 'boolean') textByFlag.set(flag, 'true');
    else if (i + 1 < argv.length) textByFlag.set(flag, argv[++i] ?? '');
    else problems.push(`--${flag}: expected a value, got nothing`);
  }
  return { textByFlag, problems };
}

function sourceOf(
  setting: Setting,
  textByFlag: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
): { readonly name: string; readonly text: string } | undefined {
  const fromFlag = setting.flag === undefined ? undefined : textByFlag.get(setting.flag);
  if (fromFlag !== undefined) return { name: `--${setting.flag ?? ''}`, text: fromFlag };
  const fromEnv = setting.env === undefined ? undefined : env[setting.env];
  if (fromEnv !== undefined && (fromEnv !== '' || setting.isSetWhenEmpty === true)) {
    return { name: setting.env ?? '', text: setting.kind === 'boolean' ? String(fromEnv === 'true') : fromEnv };
  }
  return setting.default === undefined ? undefined : { name: 'default', text: setting.default };
}

function quoteValue(setting: Setting, text: string): string {
  return setting.secret === true ? 'a secret value' : `'${text.slice(0, 200)}'`;
}
