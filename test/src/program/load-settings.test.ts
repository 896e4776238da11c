import { loadSettings, settingsHelp, settingsProblemText, wantsHelp, wantsVersion } from '../../../src/program/load-settings';
import { operatorSettings } from '../../../src/schema/operator-settings';
import { defineSettings, type Setting } from '../../../src/schema/settings';

const table = defineSettings(
  'sample',
  {
    name: { flag: 'name', env: 'NAME', kind: 'string', description: 'A name.' },
    size: { flag: 'size', env: 'SIZE', kind: 'integer', default: '3', min: 1, max: 9, description: 'A size.' },
    strict: { flag: 'strict', env: 'STRICT', kind: 'boolean', default: 'false', description: 'Strictness.' },
    key: { flag: 'key', kind: 'integer', secret: true, description: 'A secret number.' },
    place: { env: 'PLACE', kind: 'string', description: 'A place.' },
    guard: { env: 'GUARD', kind: 'string', isSetWhenEmpty: true, description: 'A guard.' },
  },
  ({ size, strict }) => (strict && size > 5 ? ['--size: expected at most 5 with --strict, got more'] : []),
);

const load = (argv: readonly string[], env: Record<string, string> = {}) => loadSettings(table, argv, env);
const defaults = { name: undefined, size: 3, strict: false, key: undefined, place: undefined, guard: undefined };

describe('loadSettings', () => {
  test.each<[string, string[], Record<string, string>, object]>([
    ['takes defaults when nothing is set', [], {}, {}],
    ['takes the environment before defaults', [], { SIZE: '4', PLACE: 'here' }, { size: 4, place: 'here' }],
    ['takes flags before the environment', ['--size=5'], { SIZE: '4' }, { size: 5 }],
    ['counts an empty variable as absent', [], { SIZE: '' }, {}],
    ['counts an empty variable as given where its setting says so', [], { GUARD: '' }, { guard: '' }],
    ['accepts a value after a space', ['--name', 'a b', '--size', '4'], {}, { name: 'a b', size: 4 }],
    ['accepts one dash', ['-name=a', '-size', '4'], {}, { name: 'a', size: 4 }],
    ['keeps = and newlines in a value', ['--name=a=b\nc'], {}, { name: 'a=b\nc' }],
    ['accepts an empty value', ['--name='], {}, { name: '' }],
    ['lets the last of equal flags win', ['--size=4', '--size=5'], {}, { size: 5 }],
    ['sets a boolean without a value and leaves the next argument alone', ['--strict', '--size=4'], {}, { strict: true, size: 4 }],
    ['accepts spellings of true and false after =', ['--strict=T'], {}, { strict: true }],
    ['sets a boolean from the environment by true only', [], { STRICT: '1' }, {}],
    ['sets a boolean from the environment by true', [], { STRICT: 'true' }, { strict: true }],
  ])('%s', (_title, argv, env, want) => {
    expect(load(argv, env)).toEqual({ ok: true, settings: { ...defaults, ...want } });
  });

  test.each<[string, string[], Record<string, string>, string[]]>([
    [
      'reports every problem at once',
      ['--size=ten', '--wrong', 'stray', '--strict=maybe'],
      {},
      [
        '--wrong: unknown flag; --help lists the known ones',
        "arguments: expected a flag, got 'stray'",
        "--size: expected a whole number from 1 to 9, got 'ten'",
        "--strict: expected true or false, got 'maybe'",
      ],
    ],
    ['names the variable that is wrong', [], { SIZE: '10' }, ["SIZE: expected a whole number from 1 to 9, got '10'"]],
    ['misses a value at the end', ['--name'], {}, ['--name: expected a value, got nothing']],
    ['gives a boolean no value after a space', ['--strict', 'true'], {}, ["arguments: expected a flag, got 'true'"]],
    ['never prints a secret', ['--key=hunter2'], {}, ['--key: expected a whole number from 0, got a secret value']],
    ['reports values that contradict each other', ['--strict', '--size=6'], {}, ['--size: expected at most 5 with --strict, got more']],
  ])('%s', (_title, argv, env, want) => {
    expect(load(argv, env)).toEqual({ ok: false, problems: want });
  });

  test('puts all problems into one line', () => {
    expect(settingsProblemText(table, ['a: wrong', 'b: wrong'])).toBe('sample settings: 2 problems: a: wrong; b: wrong');
    expect(settingsProblemText(table, ['a: wrong'])).toBe('sample settings: a: wrong');
  });
});

describe('kinds of setting', () => {
  const kinds: Record<string, Setting> = {
    duration: { flag: 'x', kind: 'duration', max: 86_400_000, description: '' },
    address: { flag: 'x', kind: 'address', description: '' },
    addressOrOff: { flag: 'x', kind: 'addressOrOff', description: '' },
    list: { flag: 'x', kind: 'list', description: '' },
    counts: { flag: 'x', kind: 'counts', default: 'a=1;b=2', description: '' },
    logLevel: { flag: 'x', kind: 'logLevel', description: '' },
  };
  const parse = (kind: string, text: string) => {
    const setting = kinds[kind];
    if (setting === undefined) throw new Error(`no kind ${kind}`);
    const loaded = loadSettings(defineSettings('kinds', { x: setting }), [`--x=${text}`], {});
    return loaded.ok ? loaded.settings.x : loaded.problems[0];
  };

  test.each<[string, string, unknown]>([
    ['duration', '1h30m', 5_400_000],
    ['duration', '1.5s', 1_500],
    ['duration', '500ms', 500],
    ['duration', '0', 0],
    ['address', ':8081', { host: '', port: 8081 }],
    ['address', '127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['address', '[::1]:80', { host: '::1', port: 80 }],
    ['addressOrOff', '0', undefined],
    ['addressOrOff', '', undefined],
    ['addressOrOff', ':1', { host: '', port: 1 }],
    ['list', ' a,,b ', ['a', 'b']],
    ['list', '', []],
    ['counts', 'b=7', { a: 1, b: 7 }],
    ['logLevel', 'debug', 'debug'],
    ['logLevel', '1', 'debug'],
    ['logLevel', '9', 'trace'],
  ])('%s %j', (kind, text, want) => {
    expect(parse(kind, text)).toEqual(want);
  });

  test.each([
    ['duration', '10'],
    ['duration', '-1s'],
    ['duration', '10m!'],
    ['duration', '25h'],
    ['address', '8081'],
    ['address', ':65536'],
    ['address', '::1:80'],
    ['address', '0'],
    ['counts', 'c=1'],
    ['counts', 'a=0'],
    ['counts', 'a=1,b=2'],
    ['logLevel', 'loud'],
    ['logLevel', '0'],
  ])('%s refuses %j', (kind, text) => {
    expect(parse(kind, text)).toMatch(new RegExp(`^--x: expected .+, got '${text}'$`));
  });
});

describe('operator settings', () => {
  test('are complete without any flag', () => {
    expect(loadSettings(operatorSettings, [], {})).toMatchObject({
      ok: true,
      settings: {
        leaderElect: false,
        healthAddress: { host: '', port: 8081 },
        metricsAddress: undefined,
        concurrency: { batchsandbox: 32, pool: 16 },
        expectationTimeout: 300_000,
        importLegacyAllocations: false,
        taskStopTimeout: 30_000,
        logLevel: 'info',
        namespaces: [],
      },
    });
  });

  test('refuse metrics over HTTPS, which are not there yet', () => {
    expect(loadSettings(operatorSettings, ['--metrics-bind-address=:8443'], {})).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/^--metrics-secure: expected false/)],
    });
    expect(loadSettings(operatorSettings, ['--metrics-bind-address=:8443', '--metrics-secure=false'], {}).ok).toBe(true);
  });

  test('want the namespace of the lease with leader election', () => {
    expect(loadSettings(operatorSettings, ['--leader-elect'], {}).ok).toBe(false);
    expect(loadSettings(operatorSettings, ['--leader-elect'], { POD_NAMESPACE: 'x' }).ok).toBe(true);
  });
});

describe('help', () => {
  test('is recognised in its spellings', () => {
    expect([['--help'], ['-h'], ['--name=x', '-help'], ['--name=--help'], []].map(wantsHelp)).toEqual([true, true, true, false, false]);
  });

  test('is one thing and --version another', () => {
    expect([['--version'], ['--name=x', '-version'], ['--help'], ['--name=--version'], []].map(wantsVersion)).toEqual([true, true, false, false, false]);
  });

  test('tells flag, meaning, default and variable of every setting', () => {
    expect(settingsHelp(table)).toBe(
      [
        '  --name=TEXT\n      A name. [environment NAME]\n',
        '  --size=NUMBER\n      A size. [default 3; environment SIZE]\n',
        '  --strict[=true|false]\n      Strictness. [default false; environment STRICT]\n',
        '  --key=NUMBER\n      A secret number.\n',
        '  PLACE (environment only)\n      A place.\n',
        '  GUARD (environment only)\n      A guard.\n',
      ].join(''),
    );
  });
});
