import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { buildArchives, type ImageSource, stageSources } from '../../images/archives';
import { UnpackedImage } from './unpacked-image';

const SOURCES: readonly ImageSource[] = ['one', 'two'].map((name) => ({
  name: `registry.example/group/${name}:3`,
  containerfile: `FROM scratch\nCOPY common/ /\nCOPY ${name}/ /etc/\nUSER 7:8\n`,
  context: { 'common/data/shared': { text: 'in both' }, [`${name}/name`]: { text: name } },
}));

let cache = '';
let images: UnpackedImage[] = [];
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'archives-'));
});
afterEach(async () => {
  await Promise.all(images.splice(0).map((image) => image.remove()));
  rmSync(cache, { recursive: true, force: true });
});

test('images of a common context hold their own files and share the layer of the others', async () => {
  const archives = await buildArchives(SOURCES, cache);
  images = await Promise.all(archives.map(({ archive }) => UnpackedImage.of(archive)));
  expect(images.map(({ name }) => name)).toEqual(['registry.example/group/one:3', 'registry.example/group/two:3']);
  expect(await Promise.all(images.map((image) => image.files()))).toEqual([
    ['/data/shared', '/etc/name'],
    ['/data/shared', '/etc/name'],
  ]);
  expect(images.map(({ config }) => config.User)).toEqual(['7:8', '7:8']);
  expect(images[0]?.layers).toHaveLength(2);
  expect(images[0]?.layers[0]).toBe(images[1]?.layers[0]);
  expect(images[0]?.layers[1]).not.toBe(images[1]?.layers[1]);
});

test('the same sources are built once, and to the same bytes when they are built again', async () => {
  const [first] = await buildArchives(SOURCES, cache);
  const bytes = readFileSync(first?.archive ?? '');
  const [second] = await buildArchives(SOURCES, cache);
  expect(second).toEqual({ ...first, isNew: false });
  rmSync(dirname(first?.archive ?? ''), { recursive: true });
  const [again] = await buildArchives(SOURCES, cache);
  expect(again).toEqual({ ...first, isNew: true });
  expect(readFileSync(again?.archive ?? '').equals(bytes)).toBe(true);
});

test('two that build the same at once both get it, and leave nothing else behind', async () => {
  const [one, two] = await Promise.all([buildArchives(SOURCES, cache), buildArchives(SOURCES, cache)]);
  expect(two.map(({ archive }) => archive)).toEqual(one.map(({ archive }) => archive));
  expect(readdirSync(cache)).toEqual([basename(dirname(one[0]?.archive ?? ''))]);
  expect(readdirSync(dirname(one[0]?.archive ?? ''))).toEqual(['one.tar', 'two.tar']);
});

test('archives that nobody has asked for in an hour are removed, others stay', async () => {
  const oneOf = (text: string) => buildArchives([{ name: 'x:1', containerfile: 'FROM scratch\nCOPY x/ /\n', context: { 'x/x': { text } } }], cache);
  const folderOf = async (text: string) => dirname((await oneOf(text))[0]?.archive ?? '');
  const [old, young] = [await folderOf('old'), await folderOf('young')];
  utimesSync(old, new Date(), new Date(Date.now() - 61 * 60_000));
  utimesSync(young, new Date(), new Date(Date.now() - 59 * 60_000));
  const newest = await folderOf('newest');
  expect(readdirSync(cache).sort()).toEqual([young, newest].map((folder) => basename(folder)).sort());
});

test('sources are staged in an empty folder only', async () => {
  const folder = join(cache, 'context');
  await stageSources(SOURCES, folder);
  expect(readdirSync(folder).sort()).toEqual(['common', 'one', 'one.Containerfile', 'two', 'two.Containerfile']);
  await expect(stageSources(SOURCES, folder)).rejects.toThrow(`images: context: expected an empty folder, or none, at '${folder}', got one with '`);
});

test('a Containerfile that cannot be built rejects with what the builder says, and leaves nothing behind', async () => {
  const broken: ImageSource = { name: 'broken:1', containerfile: 'FROM scratch\nCOPY missing/ /\n', context: { 'x/x': { text: '' } } };
  await expect(buildArchives([broken], cache)).rejects.toThrow('missing');
  expect(readdirSync(cache)).toEqual([]);
});
