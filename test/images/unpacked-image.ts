import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { runOk } from '../support/run-ok';
import { runProgram } from '../support/run-program';
import type { ProgramResult } from '../support/target';

/** Configuration of an image, as far as tests read it. */
interface ImageConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
}

/** Runs a program in namespaces of its own. */
const UNSHARE = '/usr/bin/unshare';

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
   * @param writable folders that can be written to
   */
  async start(command: readonly string[], writable: readonly string[] = []): Promise<ChildProcess> {
    return spawn(UNSHARE, await this.enter(command, writable), { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Runs a program to its end, as {@link start} does, and without a folder that can be written to. */
  async run(command: readonly string[]): Promise<ProgramResult> {
    return runProgram(UNSHARE, await this.enter(command, []), this.env);
  }

  /** Arguments of unshare that run a program in the image. */
  private async enter(command: readonly string[], writable: readonly string[]): Promise<readonly string[]> {
    for (const path of ['/dev', '/proc', ...writable]) await mkdir(join(this.root, path), { recursive: true });
    return ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', ENTER, 'sh', this.root, this.config.User ?? '0:0', ...writable, '--', ...command];
  }

  /** The environment that the image asks for, as far as its programs are found by it. */
  private get env(): NodeJS.ProcessEnv {
    const path = this.config.Env?.find((entry) => entry.startsWith('PATH='));
    return path === undefined ? {} : { PATH: path.slice('PATH='.length) };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
