import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperatorProcess } from '../../local/operator-process';
import { ManualClock } from '../support/manual-clock';
import { until } from '../support/waiting';

/** A loopback address outside those of embedded clusters, on which nobody answers. */
const ADDRESS = '127.9.0.6';

let folder: string;
let operator: OperatorProcess;
let clock: ManualClock;

function operatorThat(script: string): OperatorProcess {
  const command = ['sh', '-c', script];
  return new OperatorProcess({ command, env: { PATH: process.env.PATH ?? '' }, folder, kubeconfigPath: '', address: ADDRESS, logPath: join(folder, 'log'), clock, flags: ['--task-stop-timeout=5s'] });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'operator-process-'));
  clock = new ManualClock();
  operator = operatorThat('echo "$*"; echo starting; echo asking the API server; sleep 1000');
});
afterEach(async () => {
  await operator.stop(0);
  rmSync(folder, { recursive: true });
});

const written = () => readFileSync(join(folder, 'log'), 'utf8');
const hasWritten = () => until(() => expect(written()).toContain('asking'));

test('an operator that does not become ready in a minute is told with its last lines', async () => {
  const outcome = operator.start().then(() => 'ready', String);
  await hasWritten();
  await clock.advance(60_000);
  expect(await outcome).toMatch(/^Error: operator: expected it to become ready, got nothing within 60 s: .* --task-stop-timeout=5s \| starting \| asking the API server$/);
});

test('an interruption ends the wait', async () => {
  const stop = new AbortController();
  const outcome = operator.start(stop.signal).then(() => 'ready', String);
  await hasWritten();
  stop.abort(new Error('interrupted'));
  expect(await outcome).toBe('Error: interrupted');
});

test('an operator that ends is started again at once, and then after delays that begin with a second', async () => {
  await operator.stop(0);
  operator = operatorThat('echo run; exit 1');
  await expect(operator.start()).rejects.toThrow('got exit code 1');
  const untilRuns = (count: number) =>
    until(() => {
      expect(written()).toBe('run\n'.repeat(count));
      expect(clock.timerCount).toBe(1); // it waits for its next start
    });
  await untilRuns(2);
  await clock.advance(999);
  await untilRuns(2);
  await clock.advance(1);
  await untilRuns(3);
  await clock.advance(2_000);
  await untilRuns(4);
});
