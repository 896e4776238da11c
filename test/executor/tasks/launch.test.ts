import { hostLauncher, sidecarLauncher } from '../../../executor/tasks/launch';

const record = {
  version: 1, id: 'scope.1', name: 'a', acceptedAt: '2026-01-01T00:00:00.000Z', sequence: 1,
  process: { command: ['run'], args: ['fast'], env: [{ name: 'A', value: '1' }, { name: '', value: 'skipped' }], workingDir: 'below' },
} as const; // prettier-ignore
const task = { ...record, process: { ...record.process, command: [...record.process.command], args: [...record.process.args], env: [...record.process.env] } };

test('a task beside the executor has its environment and its directory below the one of the executor (X28)', () => {
  expect(hostLauncher({ A: '0', B: '2' }, '/base').plan(task)).toEqual({ argv: ['run', 'fast'], env: { A: '1', B: '2', SANDBOX_TASK_ID: 'scope.1' }, workingDir: '/base/below' });
});

test('a task in another container waits 60 s for its main process (X5)', () => {
  expect(sidecarLauncher('main', true).plan(task)).toEqual({
    argv: ['run', 'fast'],
    env: { A: '1', SANDBOX_TASK_ID: 'scope.1' },
    workingDir: 'below',
    mainContainer: { name: 'main', isInOtherCgroup: true, waitSeconds: 60 },
  });
});
