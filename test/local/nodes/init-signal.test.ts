import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { hasHandler, type InitSignal, toInitSignal } from '../../../local/nodes/init-signal';

const { SIGTERM, SIGINT, SIGKILL, SIGUSR1 } = constants.signals;

test.each<[string, InitSignal | undefined]>([
  ['kill 1', { signal: SIGTERM }],
  ['/usr/bin/kill 1', { signal: SIGTERM }],
  ['kill -TERM 1', { signal: SIGTERM }],
  ['kill -SIGINT 1', { signal: SIGINT }],
  ['kill -9 1', { signal: SIGKILL }],
  ['kill -s usr1 1', { signal: SIGUSR1 }],
  ['kill -n 2 1', { signal: SIGINT }],
  ['kill -s KILL -- 1', { signal: SIGKILL }],
  ['kill -BOGUS 1', 'unclear'],
  ['kill 1 2', 'unclear'],
  ['kill 2 1', 'unclear'],
  ['kill -s KILL 2 1', 'unclear'],
  ['kill -q KILL 1', 'unclear'],
  ['kill 12', undefined],
  ['kill -1 12', undefined],
  ['sh -c kill', undefined],
  ['killall 1', undefined],
])('%s', (line, want) => {
  expect(toInitSignal(line.split(' '))).toEqual(want);
});

test('tells the signals that a process has handlers for', async () => {
  const child = spawn('sh', ['-c', 'trap : TERM; echo ready; read line'], { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  expect([SIGTERM, SIGUSR1, SIGKILL].map((signal) => hasHandler(child.pid ?? 0, signal))).toEqual([true, false, false]);
  child.stdin.end('\n');
  await once(child, 'exit');
  expect(hasHandler(child.pid ?? 0, SIGTERM)).toBe(false);
});
