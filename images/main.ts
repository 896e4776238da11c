import { stat } from 'node:fs/promises';
import { Command } from 'commander';
import { stageSources } from './archives';
import { buildImages, programImages } from './program-images';

async function build({ context }: { readonly context?: string }): Promise<void> {
  if (context !== undefined) {
    await stageSources(await programImages(), context);
    process.stdout.write(`build context: ${context}\n`);
    return;
  }
  const images = await buildImages();
  for (const { name, archive, isNew } of images) {
    const { size } = await stat(archive);
    process.stdout.write(`${isNew ? 'built' : 'unchanged'}  ${(size / 1e6).toFixed(1)} MB  ${name}  ${archive}\n`);
  }
}

const program = new Command('images')
  .description('Builds the images of operator and executor as archives, without registry and network.')
  .option('--context <folder>', 'only write what another builder needs: docker build -f FOLDER/sandbox-operator.Containerfile FOLDER')
  .action(build);

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
