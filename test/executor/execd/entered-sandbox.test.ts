import { enteredSandbox } from '../../../executor/execd/sandbox';
import { AppInProcess } from './app-in-process';

test("a command starts in the executor's own place by the way into another container", async () => {
  const app = await AppInProcess.start((root) => enteredSandbox({ PATH: process.env['PATH'] ?? '', NAME: 'value' }, root));
  try {
    const { stdout, exitCode } = await app.client.run('pwd; echo $NAME');
    expect({ stdout, exitCode }).toEqual({ stdout: [app.root, 'value'], exitCode: 0 });
  } finally {
    await app.stop();
  }
});
