import type { AuditedRequest } from '../cluster/audit';
import { renderBarChart } from './charts/bar-chart';
import { renderLineChart } from './charts/line-chart';
import { LineCutter } from './line-cutter';
import { parseLoopDelay } from './loop-delay';
import { readOptions } from './options';
import { reportOf } from './report';
import { writePerformance } from './performance-page';
import { readPodLine } from './pod-watch';
import type { Measured } from './runner';
import type { Scenario } from './scenario';
import { scenarioOf } from './scenarios/all';
import { mostWithin, quantile, timesOf } from './statistics';
import { joined } from './sdk/samples';
import { readSdkOptions } from './sdk/sdk-options';
import { formatMs, renderMore, renderTable, tableCells } from './table';
import { countWrites, deliveryWrites } from './writes';
import { parseWaitingEvents } from './waiting-events';

const scenario = (name: string): Scenario => ({ name, title: `work of ${name}`, group: 'batch', size: 100, target: 1.3, rounds: 5, warmUps: 1, open: () => Promise.reject(new Error('expected no start')) });
const ALL = ['batch-1', 'batch-10', 'burst-300x1'].map(scenario);
const OTHER = scenario('batch-7');
const REPERTOIRE = { all: ALL, scenarioOf: (name: string) => (name === OTHER.name ? OTHER : undefined), otherNames: 'batch-N' };

describe('quantiles', () => {
  test.each([
    { values: [3], share: 0.99, want: 3 },
    { values: [4, 1, 3, 2], share: 0.5, want: 2.5 },
    { values: [1, 2, 3, 4, 5], share: 0.25, want: 2 },
    { values: [10, 20], share: 0.9, want: 19 },
  ])('of $values at $share', ({ values, share, want }) => expect(quantile(values, share)).toBeCloseTo(want));

  test('times are summed up in any order, and without one there is an error', () => {
    expect(timesOf([30, 10, 20])).toEqual({ count: 3, least: 10, median: 20, p99: expect.closeTo(29.8), most: 30 });
    expect(() => timesOf([])).toThrow('expected values, got none');
  });
});

test.each([
  { moments: [], want: 0 },
  { moments: [0, 1_000], want: 1 },
  { moments: [0, 999, 1_000, 1_500, 1_998], want: 4 },
])('of $moments, at most $want lie within a second', ({ moments, want }) => expect(mostWithin(moments, 1_000)).toBe(want));

describe('options', () => {
  const namesOf = (only?: string) => {
    const read = readOptions({ only }, REPERTOIRE);
    return 'options' in read ? read.options.scenarios.map(({ name }) => name) : read.problems;
  };

  test.each([
    { only: undefined, want: ['batch-1', 'batch-10', 'burst-300x1'] },
    { only: 'burst-300x1, batch-1', want: ['batch-1', 'burst-300x1'] },
    { only: 'batch-*', want: ['batch-1', 'batch-10'] },
    { only: 'batch-7,batch-1', want: ['batch-1', 'batch-7'] },
    { only: '*-1*', want: ['batch-1', 'batch-10'] },
  ])('--only $only plays, in their own order, $want', ({ only, want }) => expect(namesOf(only)).toEqual(want));

  test('are read', () => {
    expect(readOptions({ rounds: '7', controller: './manager', json: 'out.json' }, REPERTOIRE)).toEqual({ options: { scenarios: ALL, rounds: 7, controller: './manager', json: 'out.json', writeDocs: false } });
  });

  test('are refused with all problems at once', () => {
    expect(readOptions({ only: 'batch-1,batch-2', rounds: '0', controller: ' ', json: '', from: '', writeDocs: true }, REPERTOIRE)).toEqual({
      problems: [
        "--only: expected names of scenarios, with * for any text, got 'batch-2'; there are batch-1, batch-10, burst-300x1, and of other sizes batch-N",
        "--rounds: expected a whole number from 1 to 1000, got '0'",
        '--controller: expected a command, such as "./manager --leader-elect=false", got nothing',
        '--json: expected the name of a file, got nothing',
        '--write-docs: expected all scenarios, since the page shows all of them, got --only beside it; leave one of the two out',
        '--from: expected the name of a file that --json has written, got nothing',
        '--from: expected nothing that is for playing, since an earlier report is shown, got --only, --rounds, --controller, --json beside it',
      ],
    });
  });
});

test('lines are cut wherever their pieces end, each when its last byte is there', () => {
  const text = 'first\n\nsecond\nthird';
  for (let end = 0; end <= text.length; end += 1) {
    const lines: string[] = [];
    const cutter = new LineCutter((line) => lines.push(line.toString()));
    cutter.push(Buffer.from(text.slice(0, end)));
    cutter.push(Buffer.from(text.slice(end)));
    expect(lines).toEqual(['first', 'second']);
  }
});

test('writes are counted by what they do: reads and other users are none, refused ones stand apart, and events deliver nothing', () => {
  const request = (user: string, verb: string, resource: string, subresource = '', code = 200) => ({ user, verb, resource, subresource, code }) as AuditedRequest;
  const writes = countWrites(
    [
      request('client', 'create', 'batchsandboxes'),
      request('operator', 'patch', 'batchsandboxes', 'status', 409),
      request('operator', 'patch', 'batchsandboxes', 'status'),
      request('operator', 'list', 'pods'),
      request('kwok', 'patch', 'pods', 'status'),
      request('operator', 'create', 'events'),
      request('operator', 'patch', 'pools', 'status'),
    ],
    ['client', 'operator'],
  );
  expect(writes).toEqual({ 'create batchsandboxes': 1, 'patch batchsandboxes/status refused': 1, 'patch batchsandboxes/status': 1, 'create events': 1, 'patch pools/status': 1 });
  expect(deliveryWrites(writes)).toBe(3);
});

test('the delay of the event loop is what comes on top of the interval of its monitor, and is never missing in silence', () => {
  const metrics = 'nodejs_eventloop_lag_seconds 0.001\nnodejs_eventloop_lag_mean_seconds 0.0112\nnodejs_eventloop_lag_p99_seconds 0.025\nnodejs_eventloop_lag_max_seconds 0.0095\n';
  expect(parseLoopDelay(metrics)).toEqual({ mean: expect.closeTo(1.2), p99: expect.closeTo(15), most: 0 });
  expect(() => parseLoopDelay('')).toThrow('expected nodejs_eventloop_lag_mean_seconds, got none');
});

test('Events that wait are those of the metric, which is never missing in silence', () => {
  expect(parseWaitingEvents('workqueue_depth{name="pool"} 3\nworkqueue_depth{name="event"} 17\n')).toBe(17);
  expect(() => parseWaitingEvents('workqueue_depth{name="pool"} 3\n')).toThrow('expected workqueue_depth{name="event"}, got none');
});

describe('a report', () => {
  const MIB = 2 ** 20;
  const measured = (ms: number, more: Partial<Measured> = {}): Measured => ({ ms, partsMs: [], more: {}, writes: { 'create batchsandboxes': 1 }, serverCpuMs: ms / 2, foreignShare: 0.2, ...more });
  const byController = (ms: number, cpuMs: number, writes: number) =>
    measured(ms, { partsMs: [ms / 2, ms], writes: { 'patch batchsandboxes': writes }, usage: { cpuMs, residentBytes: (100 + ms) * MIB, peakBytes: 200 * MIB, connections: ms / 10, loopDelay: { mean: 1, p99: ms / 5, most: ms } } });
  const rounds = { operator: [byController(30, 10, 2), byController(20, 30, 3), byController(40, 20, 2)], loop: [measured(10), measured(20), measured(30)] };

  test('sums the rounds up: medians, the ratio round by round, the most writes and memory, the times of all parts', () => {
    expect(reportOf(scenario('batch-1'), rounds)).toMatchObject({
      ratio: expect.closeTo(4 / 3) as number, // of 3, 1 and 4/3: the machine was slower later
      operator: { rounds: { median: 30, most: 40 }, parts: { count: 6, least: 10 }, writeCount: 3, controller: { cpuMs: 20, residentBytes: 140 * MIB, connections: 4, loopDelayP99Ms: 6, loopDelayMostMs: 40 } },
      loop: { rounds: { median: 20 } },
    });
  });

  test('is a table that says whether the target is reached, with columns of another controller where there was one', () => {
    const alone = reportOf(scenario('batch-1'), rounds);
    expect(renderTable(tableCells([alone]))).toBe(
      'work             operator      p99  bare loop      p99  ratio   target  writes      CPU  server CPU  of the loop   memory  loop delay p99  connections  strangers\n' +
        'work of batch-1   30.0 ms  39.5 ms    20.0 ms  29.8 ms   1.33  1.30 no       3  20.0 ms     15.0 ms      10.0 ms  140 MiB          6.0 ms            4        20%\n',
    );
    const [heads, cells] = tableCells([reportOf(scenario('batch-1'), { ...rounds, other: [measured(90), measured(60), measured(75)] })]);
    expect(heads?.slice(-3)).toEqual(['other', 'p99', 'other by operator']);
    expect(cells?.slice(-3)).toEqual(['75.0 ms', '89.7 ms', '3.00']);
  });

  test('has further figures in a line each', () => {
    const report = reportOf(scenario('batch-1'), { operator: [measured(1, { more: { 'of something, ms': 2 } })], loop: [measured(1, { more: { 'of something, ms': 1.25 } })] });
    expect(renderMore([report])).toBe('batch-1: of something, ms: operator 2.0, bare loop 1.3\n');
  });

  describe('in docs/performance.md', () => {
    const page = 'before\n<!-- generated by npm run bench -- --write-docs -->\nold\n<!-- end of what is generated -->\nafter\n';
    const write = (text: string, scenarios = [reportOf(scenario('batch-1'), rounds), reportOf({ ...scenario('batch-10'), size: 1_000 }, rounds)]) =>
      writePerformance(text, { at: '2026-11-22T17:00:00.000Z', machine: '2 cores', commit: 'abc', scenarios });

    test('stands in place of the one before, with its charts', () => {
      const { page: written, charts } = write(page);
      expect(written).toMatch(/^before\n<!-- generated[^]*Measured on 2026-11-22 at commit `abc`: 2 cores; other programs took up to 20 % of the machine\.\n[^]*\n<!-- end of what is generated -->\nafter\n$/);
      expect(written).not.toContain('old');
      expect(written).toContain('| work | operator | p99 |');
      expect([...charts.keys()]).toEqual(['charts/ratio.svg', 'charts/batch.svg']);
      for (const file of charts.keys()) expect(written).toContain(`](${file})`);
      expect(write(written).page).toBe(written);
    });

    test('is refused by a page that has no place for it', () => {
      expect(() => write('text')).toThrow("docs/performance.md: expected the lines '<!-- generated");
    });
  });

  test.each([
    [1.234, '1.2 ms'],
    [99.94, '99.9 ms'],
    [162.4, '162 ms'],
    [1_362, '1.36 s'],
    [12_340, '12.3 s'],
  ])('writes %d ms as %s', (ms, want) => expect(formatMs(ms)).toBe(want));
});

test('the line of a pod says its name, and whether it is Ready or gone', () => {
  const line = (type: string, conditions: string, name = 'a-1') => Buffer.from(`{"type":"${type}","object":{"kind":"Pod","metadata":{"name":"${name}","labels":{"name":"other"}},"status":{"conditions":[${conditions}]}}}`);
  const other = '{"type":"PodScheduled","observedGeneration":1,"status":"True"}';
  expect(readPodLine(line('ADDED', ''))).toEqual({ name: 'a-1', isReady: false, isDeleted: false });
  expect(readPodLine(line('MODIFIED', `${other},{"type":"Ready","observedGeneration":1,"status":"False"}`))).toEqual({ name: 'a-1', isReady: false, isDeleted: false });
  expect(readPodLine(line('MODIFIED', `{"type":"Ready","status":"True"},${other}`))).toEqual({ name: 'a-1', isReady: true, isDeleted: false });
  expect(readPodLine(line('DELETED', '{"type":"Ready","status":"True"}', 'b'))).toEqual({ name: 'b', isReady: true, isDeleted: true });
});

test.each([
  ['batch-7', 'one batch of 7'],
  ['delete-2000', 'deletion of 2,000'],
  ['burst-20x3', '20 batches of 3, 64 in flight'],
  ['burst-20', undefined],
  ['cold-20x3', undefined],
  ['refill-0', undefined],
  ['fill-10001', undefined],
  ['other-1', undefined],
])('%s is the scenario: %s', (name, want) => expect(scenarioOf(name)?.title).toBe(want));

describe('a chart', () => {
  test('of lines has logarithmic axes between powers of ten: equal factors are equal lengths', () => {
    const svg = renderLineChart({ title: 'a < b', xLabel: 'x', yLabel: 'y', series: [{ name: 'one', points: [{ x: 1, y: 5 }, { x: 10, y: 50 }, { x: 100, y: 50 }] }] });
    // 76 to 696 pixels for 1 to 100, and 348 down to 56 for 1 to 100.
    expect(svg).toContain('<polyline points="76,246 386,100 696,100"');
    expect(svg).toContain('<title>a &lt; b</title>');
    expect(() => renderLineChart({ title: 'none', xLabel: '', yLabel: '', series: [] })).toThrow("chart 'none': expected points, got none");
  });

  test('of bars marks the target of each, and those beyond it', () => {
    const svg = renderBarChart({ title: 'ratio', bars: [{ name: 'good', value: 1, target: 1.3 }, { name: 'bad', value: 2, target: 1.3 }] });
    expect(svg).toContain('y="56" width="199" height="16" fill="#1565c0"');
    expect(svg).toContain('y="82" width="398" height="16" fill="#c62828"');
    expect(svg.match(/x1="508.7"/g)).toHaveLength(2);
  });
});

describe('the benchmark of the SDK', () => {
  test('measures 50 sandboxes of the embedded cluster unless its options say otherwise', () => {
    expect(readSdkOptions({})).toEqual({ options: { clusters: ['embedded'], ways: ['direct'], rounds: 50, crowd: 20, burst: 100 } });
    expect(readSdkOptions({ on: 'node, embedded', way: 'proxy', rounds: '3', crowd: '0', burst: '7', json: 'out.json' })).toEqual({
      options: { clusters: ['embedded', 'node'], ways: ['proxy'], rounds: 3, crowd: 0, burst: 7, json: 'out.json' },
    });
  });

  test('refuses options with all problems at once', () => {
    expect(readSdkOptions({ on: 'cloud', way: '', rounds: '0', crowd: '-1', burst: '1001', json: ' ' })).toEqual({
      problems: [
        "--on: expected embedded, node or several with commas between them, got 'cloud'",
        "--way: expected direct, proxy or several with commas between them, got ''",
        "--rounds: expected a whole number from 1 to 1000, got '0'",
        "--crowd: expected a whole number from 0 to 1000, got '-1'",
        "--burst: expected a whole number from 0 to 1000, got '1001'",
        '--json: expected the name of a file, got nothing',
      ],
    });
  });

  test('puts samples together by name', () => {
    expect(joined([{ create: [1, 2] }, { create: [3], kill: [4] }])).toEqual({ create: [1, 2, 3], kill: [4] });
  });
});
