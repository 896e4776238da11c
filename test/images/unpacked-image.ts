import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { runOk } from '../support/run-ok';

/** Configuration of an image, as far as tests read it. */
interface ImageConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
}

/** Mounts the root file system read-only, with /dev and /proc, as a container runtime does, and folders that can be written to. */
const ENTER = `
set -e
root=$1 user=$2; shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
while [ "$1" != -- ]; do mount -t tmpfs tmpfs "$root$1"; shift; done; shift
exec chroot --userspec="$user" --groups= "$root" "$@"
`;

/** The files of an image in a folder, to be looked at and run. */
export class UnpackedImage {
  private constructor(
    /** Name with tag that the archive gives it. */
    readonly name: string,
    /** Digests of its layers, lowest first. */
    readonly layers: readonly string[],
    readonly config: ImageConfig,
    private readonly folder: string,
  ) {}

  /** Unpacks an archive; call {@link remove} in the end. */
  static async of(archive: string): Promise<UnpackedImage> {
    const folder = await mkdtemp(join(tmpdir(), 'image-'));
    await runOk('tar', ['--extract', `--file=${archive}`, `--directory=${folder}`]);
    const read = async (file: string) => JSON.parse(await readFile(join(folder, file), 'utf8')) as unknown;
    const [manifest] = (await read('manifest.json')) as readonly { readonly Config: string; readonly RepoTags: readonly string[]; readonly Layers: readonly string[] }[];
    if (manifest === undefined) throw new Error(`archive '${archive}': expected an image, got none`);
    const { config } = (await read(manifest.Config)) as { readonly config: ImageConfig };
    const image = new UnpackedImage(manifest.RepoTags[0] ?? '', manifest.Layers, config, folder);
    await mkdir(image.root);
    for (const layer of manifest.Layers) await runOk('tar', ['--extract', `--file=${join(folder, layer)}`, `--directory=${image.root}`]);
    return image;
  }

  private get root(): string {
    return join(this.folder, 'root');
  }

  /** Paths of all files and links, from `/` on. */
  async files(): Promise<readonly string[]> {
    const entries = await readdir(this.root, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => `/${relative(this.root, join(entry.parentPath, entry.name))}`).sort();
  }

  /**
   * Starts a program of the image as the image's user, in namespaces that end with it.
   *
   * @param command the image's own when empty
   * @param writable folders that can be written to
   */
  async start(command: readonly string[], { env = {}, writable = [] }: { readonly env?: Readonly<Record<string, string>>; readonly writable?: readonly string[] } = {}): Promise<ChildProcess> {
    for (const path of ['/dev', '/proc', ...writable]) await mkdir(join(this.root, path), { recursive: true });
    const inside = ['sh', '-c', ENTER, 'sh', this.root, this.config.User ?? '0:0', ...writable, '--', ...command];
    const imageEnv = Object.fromEntries((this.config.Env ?? []).map((entry) => entry.split(/=(.*)/s)));
    const path = imageEnv.PATH === undefined ? {} : { PATH: imageEnv.PATH };
    return spawn('/usr/bin/unshare', ['--mount', '--pid', '--fork', '--kill-child', ...inside], { env: { ...path, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Runs a program to its end. */
  async run(command: readonly string[], options: Parameters<UnpackedImage['start']>[1] = {}): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
    const child = await this.start(command, options);
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) child[stream]?.setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ exitCode: code ?? -1, ...output }));
    });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
