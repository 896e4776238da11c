import { mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { packageRoot } from './programs';

/** One text file to count. */
export interface TextInput {
  /** Absolute path. */
  readonly path: string;
  readonly bytes: number;
  /** Files that it was made of. */
  readonly fileCount: number;
}

/** Documents of the package that are counted when nothing else is named. */
const DEFAULT_DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'LICENSE', 'docs', 'lib/README.md'];
const TEXT_FILE = /\.(md|txt|rst|adoc|html?)$|(^|\/)(LICENSE|README|CONTRIBUTING)[^/]*$/i;

/**
 * Makes one file of the input: the file itself, or all text files of a folder one after the other.
 *
 * @param path file or folder. Absent means the documents of this package
 * @param target file to write the joined text to; its folder is made when it is missing
 * @throws Error when there is no text
 */
export async function toTextInput(path: string | undefined, target: string): Promise<TextInput> {
  if (path !== undefined && (await statOrThrow(path)).isFile()) return toInput(resolve(path), 1);
  // What an earlier run joined may be in the folder too.
  const files = (path === undefined ? await defaultDocuments() : await textFiles(path)).filter((file) => resolve(file) !== resolve(target));
  if (files.length === 0) throw new Error(`input: expected text files (.md, .txt, .rst, .adoc, .html) in '${path ?? packageRoot()}', got none`);
  await mkdir(dirname(target), { recursive: true });
  const output = await open(target, 'w');
  try {
    for (const file of files) {
      const text = await readFile(file);
      await output.write(text);
      // A last line without its end would run into the next file.
      if (text.at(-1) !== NEWLINE) await output.write('\n');
    }
  } finally {
    await output.close();
  }
  return toInput(target, files.length);
}

const NEWLINE = 0x0a;

async function toInput(path: string, fileCount: number): Promise<TextInput> {
  const { size } = await stat(path);
  if (size === 0) throw new Error(`input: expected text, got an empty file '${path}'`);
  return { path, bytes: size, fileCount };
}

async function defaultDocuments(): Promise<string[]> {
  const found = await Promise.all(
    DEFAULT_DOCUMENTS.map(async (name) => {
      const path = join(packageRoot(), name);
      const stats = await stat(path).catch(() => undefined);
      if (stats === undefined) return [];
      return stats.isDirectory() ? textFiles(path) : [path];
    }),
  );
  return found.flat();
}

async function textFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => TEXT_FILE.test(name)).sort();
  const paths = names.map((name) => join(folder, name));
  // A link may lead nowhere.
  const areFiles = await Promise.all(paths.map(async (path) => (await stat(path).catch(() => undefined))?.isFile() === true));
  return paths.filter((_, index) => areFiles[index]);
}

async function statOrThrow(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    throw new Error(`input: expected a file or folder, got '${path}', which cannot be read`, { cause });
  }
}
