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
const clock = new ManualClock();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'operator-process-'));
  const logPath = join(folder, 'log');
  const command = ['sh', '-c', 'echo "$*"; echo starting; echo asking the API server; sleep 1000'];
  operator = new OperatorProcess({ command, env: { PATH: process.env.PATH ?? '' }, folder, kubeconfigPath: '', address: ADDRESS, logPath, clock, flags: ['--task-stop-timeout=5s'] });
});
afterEach(async () => {
  await operator.stop(0);
  rmSync(folder, { recursive: true });
});

const hasWritten = () => until(() => expect(readFileSync(join(folder, 'log'), 'utf8')).toContain('asking'));

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
