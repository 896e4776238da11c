import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runOk } from './run-ok';

/** A container image of a few files. */
export interface SmallImage {
  /** Name with tag. */
  readonly name: string;
  /** Path in the image to the file of the machine that is to be there. */
  readonly files: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
}

/**
 * Packs an image of one layer as an archive that container runtimes import, without a builder; returns its path.
 *
 * @param folder that does not exist yet, for the archive and its parts
 * @see https://github.com/moby/docker-image-spec
 */
export async function packImage(folder: string, { name, files, entrypoint }: SmallImage): Promise<string> {
  const root = join(folder, 'root');
  for (const [path, source] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await copyFile(source, join(root, path));
  }
  await runOk('tar', ['--create', '--owner=0', '--group=0', `--file=${join(folder, 'layer.tar')}`, `--directory=${root}`, '.']);
  await rm(root, { recursive: true });
  const digest = createHash('sha256').update(await readFile(join(folder, 'layer.tar'))).digest('hex');
  const config = { architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux', config: { Entrypoint: entrypoint }, rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] } };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'manifest.json'), JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]));
  const archive = join(folder, 'image.tar');
  await runOk('tar', ['--create', `--file=${archive}`, `--directory=${folder}`, 'manifest.json', 'config.json', 'layer.tar']);
  return archive;
}
