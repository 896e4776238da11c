import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enteredSandbox } from '../../../executor/execd/sandbox';

const folder = mkdtempSync(join(tmpdir(), 'entered-'));
afterAll(() => rmSync(folder, { recursive: true }));

test("a command starts in the executor's own place by the way into another container: its output is given to its user before", async () => {
  const file = join(folder, 'output');
  const output = { writeFd: openSync(file, 'w'), giveTo: jest.fn() };
  const order = { taskId: 'entered', argv: ['sh', '-c', 'pwd; echo $NAME'], env: {}, workingDir: '' };
  const { child, failure } = enteredSandbox({ PATH: process.env['PATH'] ?? '', NAME: 'value' }, folder).open().spawn(order, [output, output]);
  const ended = child && once(child, 'exit');
  expect(await failure).toBeUndefined();
  expect(await ended).toEqual([0, null]);
  closeSync(output.writeFd);
  expect(readFileSync(file, 'utf8')).toBe(`${folder}\nvalue\n`);
  expect(output.giveTo.mock.calls).toEqual(Array(2).fill([process.getuid?.(), process.getgid?.()]));
});
