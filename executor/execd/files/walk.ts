import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readlink, statfs } from 'node:fs/promises';
import { MAX_PATH_LENGTH } from '../../../src/schema/execd-api';
import { Refusal } from '../refusal';
import type { OpenSandbox } from '../sandbox';
import { mayAccess, Want } from './access';
import { systemCode } from './failures';

/** Opens an entry itself and nothing of its content: neither does it follow a link nor wait for a writer. Linux knows it, and Node has no name for it. */
const O_PATH = 0o10000000;

/** Most links on the way to one file, as the kernel has it. */
const MOST_LINKS = 40;

/** Type of file system of /proc: what lies there acts on processes, as whoever opens it. @see include/uapi/linux/magic.h of Linux */
const PROC_SUPER_MAGIC = 0x9fa0;

/** What a path leads to. The handles are those of the walk. */
export interface Found {
  /** The directory that it lies in; of the root, the root. */
  readonly directory: FileHandle;
  readonly directoryStats: Stats;
  /** Name in that directory; `.` for the root. */
  readonly name: string;
  /** Its path from the root of the sandbox, without links. */
  readonly path: string;
  /** The entry itself, opened without its content; absent when there is none. */
  readonly entry?: FileHandle;
  readonly stats?: Stats;
}

interface Step {
  readonly handle: FileHandle;
  readonly stats: Stats;
  readonly name: string;
}

/** How a path is walked. */
export interface WalkOptions {
  /** Whether a link at the end is followed @default true */
  readonly followsLast?: boolean;
  /** Makes a directory that is missing on the way, and returns. */
  readonly makeDirectory?: (parent: FileHandle, parentStats: Stats, name: string) => Promise<void>;
}

/**
 * Walks paths of one sandbox, component by component: each is opened in the directory before it without following links, and links start again at the
 * root of the sandbox. So no link, whoever changes it meanwhile, leads out of the sandbox.
 *
 * Where the sandbox is not ours, each step is checked as the kernel would check its main process, and nothing is reached in /proc.
 */
export class Walk {
  private readonly handles = new Set<FileHandle>();
  private rootStep?: Step;

  private constructor(
    readonly sandbox: OpenSandbox,
    private readonly assertGoesOn: () => void,
  ) {}

  /**
   * Runs `use` with a walk, and closes all that it has opened; the sandbox stays open.
   *
   * @param assertGoesOn throws what each step of the walk is refused with from now on @default nothing
   */
  static async within<T>(sandbox: OpenSandbox, use: (walk: Walk) => Promise<T>, assertGoesOn: () => void = () => {}): Promise<T> {
    const walk = new Walk(sandbox, assertGoesOn);
    try {
      return await use(walk);
    } finally {
      await walk.close();
    }
  }

  /**
   * What `path` leads to; relative ones count from the working directory of the sandbox.
   *
   * @throws Refusal of status 404 when a directory on the way is missing, 400 when one is none or is of /proc, or the path is too long, 500 when one may not be searched
   */
  async find(path: string, { followsLast = true, makeDirectory }: WalkOptions = {}): Promise<Found> {
    if (path === '' || path.includes('\0')) {
      throw new Refusal(400, 'UNKNOWN', 'path: expected one without NUL characters, got none, or one with them');
    }
    if (Buffer.byteLength(path) > MAX_PATH_LENGTH) {
      throw new Refusal(400, 'UNKNOWN', `path: expected at most ${MAX_PATH_LENGTH} bytes, got ${Buffer.byteLength(path)}`);
    }
    const absolute = path.startsWith('/') ? path : `${await this.workingDir()}/${path}`;
    const waiting = absolute.split('/').reverse();
    const root = await this.root();
    const steps: Step[] = [root];
    for (let links = 0; ; ) {
      const name = waiting.pop();
      const directory = steps.at(-1) ?? root;
      if (name === undefined) {
        const parent = steps.at(-2) ?? root;
        return { directory: parent.handle, directoryStats: parent.stats, name: directory.name, path: textOf(steps), entry: directory.handle, stats: directory.stats };
      }
      if (name === '' || name === '.') {
        continue;
      }
      if (name === '..') {
        const left = steps.length > 1 ? steps.pop() : undefined;
        if (left !== undefined) await this.drop(left.handle);
        continue;
      }
      this.check(directory.stats, Want.search, textOf(steps));
      const isLast = waiting.every((part) => part === '' || part === '.');
      const mustBeDirectory = waiting.length > 0;
      let step = await this.enter(directory, name);
      if (step === undefined && makeDirectory !== undefined && !isLast) {
        await makeDirectory(directory.handle, directory.stats, name);
        step = await this.enter(directory, name);
      }
      if (step === undefined) {
        if (!isLast) {
          throw notFound(textOf(steps, name));
        }
        return { directory: directory.handle, directoryStats: directory.stats, name, path: textOf(steps, name) };
      }
      if (step.stats.isSymbolicLink() && (followsLast || !isLast || mustBeDirectory)) {
        links += 1;
        if (links > MOST_LINKS) {
          throw new Refusal(400, 'UNKNOWN', `${path}: expected at most ${MOST_LINKS} links on the way, got more`);
        }
        const target = await readlink(inside(directory.handle, name)).catch(() => '');
        waiting.push(...target.split('/').reverse());
        for (const left of target.startsWith('/') ? steps.splice(1) : []) await this.drop(left.handle);
        continue;
      }
      if (!step.stats.isDirectory()) {
        if (!isLast || mustBeDirectory) {
          throw new Refusal(400, 'UNKNOWN', `${textOf(steps, name)}: expected a directory, got something else`);
        }
        return { directory: directory.handle, directoryStats: directory.stats, name, path: textOf(steps, name), entry: step.handle, stats: step.stats };
      }
      steps.push(step);
    }
  }

  /**
   * The entry of a path.
   *
   * @throws Refusal as {@link find}, and of status 404 when there is none
   */
  async require(path: string, options?: WalkOptions): Promise<Found & { readonly entry: FileHandle; readonly stats: Stats }> {
    const found = await this.find(path, options);
    if (found.entry === undefined || found.stats === undefined) {
      throw notFound(path);
    }
    return { ...found, entry: found.entry, stats: found.stats };
  }

  /** Opens what an entry of this walk is; by the entry, so that it is the same, whatever its name leads to by now. */
  async reopen(entry: FileHandle, flags: number): Promise<FileHandle> {
    return this.keep(await open(`/proc/self/fd/${entry.fd}`, flags | constants.O_NONBLOCK));
  }

  /** An entry of a directory; undefined when there is none. @throws what the walk is refused with from now on */
  async enter(directory: Pick<Step, 'handle' | 'stats'>, name: string): Promise<Step | undefined> {
    this.assertGoesOn();
    try {
      const handle = this.keep(await open(inside(directory.handle, name), O_PATH | constants.O_NOFOLLOW));
      const stats = await handle.stat();
      if (this.sandbox.isForeign && stats.dev !== directory.stats.dev && (await statfs(`/proc/self/fd/${handle.fd}`)).type === PROC_SUPER_MAGIC) {
        throw new Refusal(400, 'UNKNOWN', `${name}: expected a file system of files, got /proc; use a command`);
      }
      return { handle, stats, name };
    } catch (error) {
      if (systemCode(error) === 'ENOENT') {
        return undefined;
      }
      throw error;
    }
  }

  /** @throws Refusal of status 500 when the main process of the sandbox may not do that */
  check(stats: Stats, want: number, path: string): void {
    if (this.sandbox.isForeign && !mayAccess(stats, this.sandbox.credentials, want)) {
      throw notPermitted(path);
    }
  }

  /** Closes a handle before the end of the walk. */
  async drop(handle: FileHandle): Promise<void> {
    this.handles.delete(handle);
    await handle.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.handles].map((handle) => handle.close()));
    this.handles.clear();
  }

  private async root(): Promise<Step> {
    if (this.rootStep === undefined) {
      const handle = this.keep(await open(`/proc/self/fd/${this.sandbox.rootFd}/.`, O_PATH | constants.O_DIRECTORY));
      this.rootStep = { handle, stats: await handle.stat(), name: '.' };
    }
    return this.rootStep;
  }

  /** Path of the working directory from the root; the root when it lies elsewhere. */
  private async workingDir(): Promise<string> {
    const [root, workingDir] = await Promise.all([this.sandbox.rootFd, this.sandbox.workingDirFd].map((fd) => readlink(`/proc/self/fd/${fd}`)));
    const front = root === '/' ? '' : (root ?? '');
    return workingDir?.startsWith(`${front}/`) === true ? workingDir.slice(front.length) : '/';
  }

  private keep(handle: FileHandle): FileHandle {
    this.handles.add(handle);
    return handle;
  }
}

/** Path that leads to an entry of an open directory, and is no link of the sandbox. */
export const inside = (directory: FileHandle, name: string): string => `/proc/self/fd/${directory.fd}/${name}`;

export const notFound = (path: string): Refusal => new Refusal(404, 'FILE_NOT_FOUND', `${path.slice(0, 1000)}: expected a file or directory, got none`);

export const notPermitted = (path: string): Refusal => new Refusal(500, 'RUNTIME_ERROR', `${path.slice(0, 1000)}: expected the user of the sandbox to be allowed that, got EACCES`);

const textOf = (steps: readonly Step[], ...more: readonly string[]): string => `/${[...steps.slice(1).map(({ name }) => name), ...more].join('/')}`;
