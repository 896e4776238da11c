import { createLogger } from '../../../src/program/log';

const logged = (write: (log: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] => {
  const lines: string[] = [];
  write(createLogger('sample', 'info', { write: (line) => lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
};

describe('createLogger', () => {
  test('writes one line of JSON with level, time, program and fields', () => {
    const [line] = logged((log) => log.info({ podName: 'a' }, 'pod created'));
    expect(line).toMatchObject({ level: 'info', program: 'sample', podName: 'a', msg: 'pod created' });
    expect(line?.time).toMatch(/^\d{4}-.*Z$/);
  });

  test('says nothing below its level', () => {
    expect(logged((log) => log.debug('step'))).toEqual([]);
  });

  test('hides secrets wherever they stand (R135)', () => {
    const lines = logged((log) => log.info({ token: 's3cret', request: { authorization: 's3cret' }, task: { process: { env: ['s3cret'] } } }, 'x'));
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });
});
