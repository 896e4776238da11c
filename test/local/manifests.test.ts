import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readManifests } from '../../local/manifests';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'manifests-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const object = (kind: string, name: string) => `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n`;

test('reads all files of a folder, what others need first, the rest in the order of the files', async () => {
  mkdirSync(join(folder, 'sub'));
  write('a.yaml', `${object('BatchSandbox', 'b')}---\n${object('Pool', 'p')}`);
  write('b.yml', object('Other', 'o'));
  write('notes.md', 'not a manifest');
  write('sub/c.json', JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } }));
  const manifests = await readManifests(folder);
  expect(manifests.map(({ object: { kind, metadata } }) => `${kind} ${metadata.name}`)).toEqual(['Namespace n', 'Pool p', 'BatchSandbox b', 'Other o']);
});

test('lists everything that is no object, with its file', async () => {
  write('a.yaml', 'kind: Pool\n---\n- 1\n');
  write('b.yaml', 'a: [');
  await expect(readManifests(folder)).rejects.toThrow(
    new RegExp(`manifests: 3 problems: ${folder}/a.yaml: expected an object with apiVersion, kind and metadata.name, got {"kind":"Pool"}; ${folder}/a.yaml: .*; ${folder}/b.yaml: `),
  );
});

test('skips empty documents and refuses a folder without objects', async () => {
  write('a.yaml', '---\n# nothing\n---\n');
  await expect(readManifests(folder)).rejects.toThrow(`manifests: expected at least one object in '${folder}', got none`);
});
