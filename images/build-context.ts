import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** A file of a build context: one of this machine, one of a few words, or a symbolic link. */
export type ContextFile = { readonly copyOf: string } | { readonly text: string; readonly executable?: boolean } | { readonly linkTo: string };

/** What a builder is given: path in its folder -> file. */
export type BuildContext = Readonly<Record<string, ContextFile>>;

/**
 * A program of this machine with the loader and the libraries that it needs, each at the place where the loader looks for it.
 *
 * @param program absolute path
 * @param root folder of the context that becomes `/`
 * @param path where the program goes below it
 * @throws Error when the program or one of its libraries is not there
 */
export async function programWithLibraries(program: string, root: string, path: string): Promise<BuildContext> {
  await stat(program);
  const libraries = await librariesOf(program);
  return Object.fromEntries([[join(root, path), program], ...libraries.map((library) => [join(root, library), library])].map(([to, from]) => [to, { copyOf: from }]));
}

async function librariesOf(program: string): Promise<readonly string[]> {
  const env = { LC_ALL: 'C', PATH: '/usr/bin:/bin' };
  const { stdout } = await promisify(execFile)('ldd', [program], { env }).catch((error: unknown) => {
    if ((error as { readonly stderr?: string }).stderr?.includes('not a dynamic executable')) return { stdout: '' };
    throw error;
  });
  const lost = /^\s*(\S+) => not found$/m.exec(stdout)?.[1];
  if (lost !== undefined) throw new Error(`images: '${program}': expected its library '${lost}', got none; install it`);
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, library = '']) => library);
}

/** Hash of all that a context holds: another content, another hash; times and owners do not count. */
export async function hashContext(context: BuildContext): Promise<string> {
  const hash = createHash('sha256');
  for (const [path, file] of Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const content = 'copyOf' in file ? await readFile(file.copyOf) : Buffer.from('text' in file ? file.text : file.linkTo);
    hash.update(JSON.stringify([path, 'linkTo' in file || (await modeOf(file)), content.length])).update(content);
  }
  return hash.digest('hex');
}

/** Writes a context to a folder, readable by every user of the image whatever the umask; what else is in the folder stays as it is. */
export async function stageContext(context: BuildContext, folder: string): Promise<void> {
  for (const [path, file] of Object.entries(context)) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    if ('linkTo' in file) {
      await symlink(file.linkTo, target);
      continue;
    }
    if ('copyOf' in file) await copyFile(file.copyOf, target);
    else await writeFile(target, file.text);
    await chmod(target, await modeOf(file));
  }
  const folders = new Set(Object.keys(context).flatMap(foldersAbove));
  await Promise.all([...folders].map((path) => chmod(join(folder, path), 0o755)));
}

/** `['a/b', 'a']` of `a/b/c`. */
function foldersAbove(path: string): readonly string[] {
  const above = dirname(path);
  return above === '.' ? [] : [above, ...foldersAbove(above)];
}

async function modeOf(file: Exclude<ContextFile, { readonly linkTo: string }>): Promise<number> {
  const isExecutable = 'copyOf' in file ? ((await stat(file.copyOf)).mode & 0o100) !== 0 : file.executable === true;
  return isExecutable ? 0o755 : 0o644;
}
