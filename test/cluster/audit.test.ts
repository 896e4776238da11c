import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditOf } from './audit';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
});
afterEach(() => rm(folder, { recursive: true }));

const line = (auditID: string, name: string) => JSON.stringify({ auditID, stage: 'ResponseComplete', verb: 'get', user: { username: 'u' }, objectRef: { resource: 'pods', name }, responseStatus: { code: 200 } });

test('reads whole lines: one that is still being written is none yet, wherever its bytes end', async () => {
  const written = `${line('1', 'first')}\n${line('2', 'second')}\n`;
  const half = line('3', 'third');
  for (const end of [0, 1, half.indexOf('}') + 1, half.length]) {
    await writeFile(join(folder, 'audit.log'), written + half.slice(0, end));
    expect((await auditOf({ folder })).map(({ name }) => name)).toEqual(['first', 'second']);
  }
});
