import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createGzip } from 'node:zlib';
import { Command } from 'commander';
import { packageRoot } from '../local/programs';
import { type ImageArchive, stageSources } from './archives';
import { buildImages, programImages } from './program-images';
import { readRunningCluster } from './running-cluster';

async function run({ context, onlyBuild }: { readonly context?: string; readonly onlyBuild?: boolean }): Promise<void> {
  if (context !== undefined) return stageSources(await programImages(), context);
  const images = await buildImages();
  if (onlyBuild === true) return;
  await printTable(images);
  if (readRunningCluster()?.access?.node !== undefined) await load(images.map(({ archive }) => archive));
}

async function printTable(images: readonly ImageArchive[]): Promise<void> {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`.padEnd(12);
  const row = async ({ name, archive, isNew }: ImageArchive) => {
    const sizes = megabytes((await stat(archive)).size) + megabytes(await compressedBytes(archive));
    return `${(isNew ? 'built' : 'unchanged').padEnd(11)}${sizes}${name}\n${''.padEnd(35)}${archive}\n`;
  };
  const rows = await Promise.all(images.map(row));
  process.stdout.write(`${''.padEnd(11)}${'SIZE'.padEnd(12)}${'COMPRESSED'.padEnd(12)}IMAGE, ARCHIVE\n${rows.join('')}`);
}

/** Bytes of the archive after gzip; a registry would keep less of both, since they have a layer in common. It takes seconds to tell, so the answer is kept beside the archive. */
async function compressedBytes(archive: string): Promise<number> {
  const note = `${archive}.compressed-bytes`;
  const known = Number(await readFile(note, 'utf8').catch(() => '0'));
  if (known > 0) return known;
  let bytes = 0;
  for await (const chunk of createReadStream(archive).pipe(createGzip())) bytes += (chunk as Buffer).length;
  await writeFile(note, String(bytes));
  return bytes;
}

/** The test cluster is no part of the package, so nothing of it is imported but what it tells of itself. */
async function load(archives: readonly string[]): Promise<void> {
  const child = spawn('npm', ['run', '--silent', 'cluster', '--', 'load', ...archives], { cwd: packageRoot(), stdio: 'inherit' });
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  if (exitCode !== 0) throw new Error(`images: test cluster: expected it to load the images, got exit code ${String(exitCode)}; see the message above`);
  process.stdout.write('loaded into the test cluster\n');
}

const program = new Command('images')
  .description('Builds the images of operator, executor and server as archives, without registry and network, and loads them into a running test cluster.')
  .option('--context <folder>', 'write what another builder needs to an empty folder, and build nothing: docker build -f FOLDER/sandbox-operator.Containerfile FOLDER')
  .option('--only-build', 'build what is missing, as the tests want it: no table of sizes, nothing loaded')
  .action(run);

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
