import { createLog } from '../../executor/log';
import { ManualClock } from '../support/manual-clock';

test('an event is one line of JSON with level, time and fields; an error brings its stack (X24)', () => {
  const lines: string[] = [];
  const log = createLog('info', new ManualClock(), (line) => void lines.push(line));
  log.info({ task: 'a' }, 'task\nended');
  log.error({ err: new Error('disk') }, 'result not recorded');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { level: 'info', time: '2026-01-01T00:00:00.000Z', program: 'sandbox-executor', task: 'a', msg: 'task\nended' },
    expect.objectContaining({ level: 'error', err: expect.stringContaining('Error: disk\n') }),
  ]);
  expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
});

test('what is below the level is not written', () => {
  const lines: string[] = [];
  createLog('error', new ManualClock(), (line) => void lines.push(line)).info({}, 'listening');
  expect(lines).toEqual([]);
});

test('a reader that is gone does not stop the work', () => {
  const log = createLog('info', new ManualClock(), () => {
    throw new Error('EPIPE');
  });
  expect(() => log.info({}, 'listening')).not.toThrow();
});
