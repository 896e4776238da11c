import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { packageRoot, programCommand } from '../local/programs';
import { imageName, type ImageProgram } from '../src/schema/image-names';
import { type ImageArchive, type ImageSource, buildArchives } from './archives';
import { type BuildContext, programWithLibraries } from './build-context';

/** Where the package is in an image; its programs look for their version in the package.json above them. */
const PACKAGE_FOLDER = 'opt/cdk8s-sandboxes';

/** What an image holds beside Node and its program. */
interface ImageContent {
  readonly folder: string;
  /** Programs of this machine, called by these paths. */
  readonly tools: readonly string[];
  /** Scripts of the package, put beside the program. */
  readonly scripts: readonly string[];
}

const CONTENTS: Readonly<Record<ImageProgram, ImageContent>> = {
  'sandbox-operator': { folder: 'operator', tools: [], scripts: [] },
  'sandbox-server': { folder: 'server', tools: [], scripts: [] },
  'sandbox-executor': { folder: 'executor', tools: ['/usr/bin/mkfifo', '/usr/bin/perl'], scripts: ['executor/sandbox-executor-init.pl'] },
};

/**
 * The images of operator, executor and server under the names that the constructs use by default.
 *
 * @throws Error when the programs have not been bundled, or buildah cannot be had or fails
 */
export async function buildImages(): Promise<readonly ImageArchive[]> {
  return buildArchives(await programImages());
}

/**
 * What the images of operator, executor and server are made from.
 *
 * @param version that they are to say they are; by default that of this package
 * @throws Error when the programs have not been bundled
 */
export async function programImages(version = packageVersion()): Promise<readonly ImageSource[]> {
  const root = packageRoot();
  // The same files at the same place of the context: they become one layer that all images share.
  const node = await programWithLibraries(join(root, 'node_modules', 'node', 'bin', 'node'), 'node', 'usr/bin/node');
  return Promise.all(
    (Object.keys(CONTENTS) as ImageProgram[]).map(async (program) => ({
      name: imageName(program, version),
      containerfile: await readFile(join(root, 'images', CONTENTS[program].folder, 'Containerfile'), 'utf8'),
      context: { ...node, ...(await ownFiles(program, version, new Set(Object.keys(node)))) },
    })),
  );
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { readonly version: string }).version;
}

async function ownFiles(program: ImageProgram, version: string, ofNode: ReadonlySet<string>): Promise<BuildContext> {
  const { folder, tools, scripts } = CONTENTS[program];
  const withLibraries = await Promise.all(tools.map((tool) => programWithLibraries(tool, folder, tool)));
  const inNodeLayer = (path: string) => ofNode.has(join('node', path.slice(folder.length)));
  const [, bundle] = programCommand(program);
  const binaries = [bundle, ...scripts.map((script) => join(packageRoot(), script))];
  return {
    ...Object.fromEntries(withLibraries.flatMap((files) => Object.entries(files)).filter(([path]) => !inNodeLayer(path))),
    [join(folder, PACKAGE_FOLDER, 'package.json')]: { text: JSON.stringify({ name: 'cdk8s-sandboxes', version }) },
    ...Object.fromEntries(binaries.map((path) => [join(folder, PACKAGE_FOLDER, 'lib', 'bin', basename(path)), { copyOf: path }])),
  };
}
