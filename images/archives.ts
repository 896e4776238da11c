import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isErrorWithCode } from '../local/nodes/system-error';
import { cacheFolder } from '../local/programs';
import { type BuildContext, hashContext, stageContext } from './build-context';
import { ensurePackages } from './debian-packages';

/** All that an image is made from. */
export interface ImageSource {
  /** Name with tag, such as `ghcr.io/cdk8s-sandboxes/sandbox-operator:1.2.3`. */
  readonly name: string;
  readonly containerfile: string;
  readonly context: BuildContext;
}

/** An image in a file that `docker load`, `podman load` and `ctr images import` read. */
export interface ImageArchive {
  readonly name: string;
  /** Path of the file; the same sources give the same bytes. */
  readonly archive: string;
  /** Whether this call built it; another one had, otherwise. */
  readonly isNew: boolean;
}

/** Layers are kept apart, so that images share those that they have in common; without times and labels of the builder they stay the same. */
const BUILD_FLAGS = ['--quiet', '--layers', '--timestamp=0', '--identity-label=false'];

/** Archives that nobody asked for in this time, in ms, are removed: each change of a program makes new ones. */
const KEPT_UNUSED_MS = 60 * 60_000;

/**
 * The archives of some images, built by Debian's buildah from their sources unless that was done before; no registry and no network is asked.
 *
 * @param cache folder of folders of archives
 * @throws Error when buildah cannot be had, or fails
 */
export async function buildArchives(images: readonly ImageSource[], cache = cacheFolder()): Promise<readonly ImageArchive[]> {
  const folder = join(cache, `images-${await hashSources(images)}`);
  const isNew = !(await markUsed(folder));
  if (isNew) {
    await ensurePackages(['buildah']);
    await mkdir(cache, { recursive: true });
    await build(images, await mkdtemp(join(cache, 'images-new-')), folder);
  }
  await removeUnused(cache);
  return images.map(({ name }) => ({ name, archive: join(folder, archiveFile(name)), isNew }));
}

/** Keeps a folder from being removed as unused; false when there is none. */
async function markUsed(folder: string): Promise<boolean> {
  try {
    await utimes(folder, new Date(), new Date());
    return true;
  } catch (error) {
    if (isErrorWithCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function hashSources(images: readonly ImageSource[]): Promise<string> {
  const parts = await Promise.all(images.map(async ({ name, containerfile, context }) => [name, containerfile, await hashContext(context)]));
  return createHash('sha256').update(JSON.stringify([BUILD_FLAGS, parts])).digest('hex').slice(0, 16);
}

/** Builds in a folder of its own, so that the target is complete when it appears; whoever comes second throws their own away. */
async function build(images: readonly ImageSource[], work: string, target: string): Promise<void> {
  try {
    const output = join(work, 'output');
    await mkdir(output);
    await stageSources(images, join(work, 'context'));
    for (const { name } of images) await buildArchive(name, work, join(output, archiveFile(name)));
    await rename(output, target).catch((error: unknown) => {
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * Writes what a builder needs to a folder: each image from `<short name>.Containerfile` there.
 *
 * @throws Error when something is in the folder already: it would be mixed with files of others, or of an older version
 */
export async function stageSources(images: readonly ImageSource[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const [found] = await readdir(folder);
  if (found !== undefined) throw new Error(`images: context: expected an empty folder, or none, at '${folder}', got one with '${found}'; name another or empty it`);
  await stageContext(Object.assign({}, ...images.map(({ context }) => context)) as BuildContext, folder);
  await Promise.all(images.map(({ name, containerfile }) => writeFile(join(folder, containerfileOf(name)), containerfile)));
}

async function buildArchive(name: string, work: string, archive: string): Promise<void> {
  const store = ['--storage-driver=vfs', `--root=${join(work, 'store')}`, `--runroot=${join(work, 'run')}`]; // vfs works on every file system
  const context = join(work, 'context');
  const flags = [...BUILD_FLAGS, `--tag=${name}`, `--file=${join(context, containerfileOf(name))}`];
  await promisify(execFile)('buildah', [...store, 'build', ...flags, context]);
  await promisify(execFile)('buildah', [...store, 'push', '--quiet', name, `docker-archive:${archive}:${name}`]);
}

async function removeUnused(cache: string): Promise<void> {
  const folders = (await readdir(cache)).filter((name) => name.startsWith('images-')).map((name) => join(cache, name));
  for (const folder of folders) {
    if (!(await isUnused(folder))) continue;
    // Whoever asks for it from now on builds it anew; who asked between our look and this has marked it, and gets it back.
    const removed = join(cache, `images-old-${randomUUID()}`);
    await rename(folder, removed).catch(() => undefined); // somebody else removed it
    if (await isUnused(removed)) await rm(removed, { recursive: true, force: true });
    else await rename(removed, folder).catch(() => undefined); // somebody has built it
  }
}

async function isUnused(folder: string): Promise<boolean> {
  const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity })); // it is not there
  return mtimeMs < Date.now() - KEPT_UNUSED_MS;
}

const shortName = (name: string) => name.replace(/^.*\//, '').replace(/:.*$/, '');
const archiveFile = (name: string) => `${shortName(name)}.tar`;
const containerfileOf = (name: string) => `${shortName(name)}.Containerfile`;
