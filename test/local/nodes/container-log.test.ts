import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerLog } from '../../../local/nodes/container-log';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'container-log-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('keeps the newest output within two segments', () => {
  const log = new ContainerLog(join(folder, 'log'), 4);
  for (const text of ['aaa', 'bbb', 'ccc']) log.append(Buffer.from(text));
  log.close();
  expect(log.read().toString()).toBe('bbbccc');
});

test('drops what comes after its end', () => {
  const log = new ContainerLog(join(folder, 'log'));
  log.append(Buffer.from('kept'));
  log.close();
  log.append(Buffer.from('late'));
  expect(log.read().toString()).toBe('kept');
});

test('a follower gets what is kept, then what comes, and ends with the log', async () => {
  const log = new ContainerLog(join(folder, 'log'));
  log.append(Buffer.from('old '));
  const followed = (async () => {
    let text = '';
    for await (const chunk of log.follow(new AbortController().signal)) {
      text += chunk.toString();
      if (text === 'old ') log.append(Buffer.from('new'));
      if (text === 'old new') log.close();
    }
    return text;
  })();
  await expect(followed).resolves.toBe('old new');
});

test('a follower ends when it is told to', async () => {
  const log = new ContainerLog(join(folder, 'log'));
  const enough = new AbortController();
  const chunks = log.follow(enough.signal);
  await chunks.next();
  enough.abort();
  await expect(chunks.next()).resolves.toEqual({ done: true, value: undefined });
  log.close();
});
