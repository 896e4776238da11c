import { runCommand } from '../../local/command';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const listenersBefore = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]));
let errors: string[];
let stderr: jest.SpyInstance;

beforeEach(() => {
  errors = [];
  stderr = jest.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0);
});
afterEach(() => {
  stderr.mockRestore();
  for (const signal of SIGNALS) {
    for (const listener of process.listeners(signal)) {
      if (listenersBefore.get(signal)?.includes(listener) !== true) process.off(signal, listener);
    }
  }
});

const run = (command: Parameters<typeof runCommand>[0]) => runCommand(command, { json: true, env: {} });

test('tells what cannot be cleaned up after an interruption', async () => {
  const exitCode = await run(async ({ signal, atEnd }) => {
    atEnd(() => Promise.reject(new Error("cluster 'c': expected no process, got pids 7")));
    process.emit('SIGINT');
    await Promise.reject(signal.reason as Error);
  });
  expect({ exitCode, errors }).toEqual({ exitCode: 130, errors: ["sandboxes: cluster 'c': expected no process, got pids 7\n"] });
});

test('cleans up in reverse order after an error, and says what it was', async () => {
  const ended: string[] = [];
  const exitCode = await run(({ atEnd }) => {
    for (const name of ['first', 'second']) atEnd(() => Promise.resolve(void ended.push(name)));
    return Promise.reject(new Error('no luck'));
  });
  expect({ exitCode, ended, errors }).toEqual({ exitCode: 1, ended: ['second', 'first'], errors: ['sandboxes: no luck\n'] });
});
