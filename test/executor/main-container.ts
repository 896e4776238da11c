import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ensurePackages } from '../../images/debian-packages';
import { until } from '../support/waiting';
import { signalAny } from './executor-process';

/** Capabilities that containerd gives a container that asks for nothing; of the ones beside them, sidecar mode needs SYS_PTRACE only. */
export const CONTAINER_CAPABILITIES = [
  'chown', 'dac_override', 'fsetid', 'fowner', 'mknod', 'net_raw', 'setgid', 'setuid', 'setfcap', 'setpcap', 'net_bind_service', 'sys_chroot', 'kill', 'audit_write',
] as const; // prettier-ignore

/** Program and arguments that start another one with the rights of a container. */
export const withCapabilities = (...capabilities: readonly string[]): readonly string[] => [
  'setpriv',
  `--bounding-set=-all${capabilities.map((name) => `,+${name}`).join('')}`,
  '--inh-caps=-all',
];

/** What the executor of a pod is started with. */
export const EXECUTOR_RIGHTS = withCapabilities(...CONTAINER_CAPABILITIES, 'sys_ptrace');

/** User and groups of the main container when it is not root. */
export const MAIN_USER = { uid: 1234, gid: 2345, groups: [3456, 4567] } as const;

/** How a main container differs from the usual one: a user of its own, read-only files, a directory /work that it writes to. */
export interface MainContainerOptions {
  /** Name in SANDBOX_MAIN_CONTAINER. */
  readonly name?: string;
  readonly isRoot?: boolean;
  /** Without a shell, and without links: nothing but one static program, /busybox. */
  readonly isBare?: boolean;
  /** With the programs of this machine in /usr, where no PATH leads to. */
  readonly hasHostPrograms?: boolean;
  readonly noNewPrivileges?: boolean;
  /** Capabilities of the container. */
  readonly capabilities?: readonly string[];
  /** A process whose namespaces of processes and mounts it joins. */
  readonly besidePid?: number;
  /** In a cgroup of its own, as every container is. */
  readonly hasCgroup?: boolean;
}

/**
 * Makes a root directory of its own in a mount namespace of its own, as containers have it, out of Debian's static busybox.
 * All links in it are absolute ones, so that whoever follows them from outside ends up elsewhere.
 */
const SETUP = `
set -e
if [ -n "$CGROUP" ]; then mkdir "$CGROUP" && echo 0 >"$CGROUP/cgroup.procs"; fi
mount -t tmpfs -o mode=755 tmpfs /mnt && cd /mnt
mkdir bin proc work tmp etc dev && chown "$OWNER" work && chmod 700 work
cp /bin/busybox busybox && echo 'of the main container' >etc/greeting
if [ -z "$BARE" ]; then
  for name in sh cat ls env sleep pwd grep kill touch true setsid; do ln -s /busybox bin/$name; done
  ln -s /work bin/../tmp/link
  printf '#!/no/interpreter\n' >bin/broken && chmod +x bin/broken && touch bin/data
fi
if [ -n "$HOST_PROGRAMS" ]; then mkdir usr && mount --rbind /usr usr && ln -s usr/lib usr/lib64 .; fi
mount -t tmpfs -o mode=700 tmpfs work && chown "$OWNER" work
mount --rbind /proc proc && mount --rbind /dev dev
mount -o remount,ro,bind /mnt
`;

/** Where a cgroup can be made, with either version of them. */
const CGROUPS = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids';

/** A main container without Kubernetes: needs root. */
export class MainContainer {
  private constructor(
    private readonly child: ChildProcess,
    readonly name: string,
    private readonly cgroup: string,
  ) {}

  static async start(options: MainContainerOptions = {}): Promise<MainContainer> {
    if (process.getuid?.() !== 0) throw new Error('test: expected to run as root, got another user; sidecar mode changes root directory and user');
    await ensurePackages(['busybox-static']);
    const { besidePid, hasCgroup = false, name = `main-${randomBytes(4).toString('hex')}`, isRoot = false, isBare = false, hasHostPrograms = false, noNewPrivileges = false, capabilities = CONTAINER_CAPABILITIES } = options;
    const { uid, gid, groups } = isRoot ? { uid: 0, gid: 0, groups: [0] } : MAIN_USER;
    const user = [`--userspec=+${uid}:+${gid}`, `--groups=${groups.map((group) => `+${group}`).join(',')}`];
    const rights = [...withCapabilities(...capabilities), ...(noNewPrivileges ? ['--no-new-privs'] : [])];
    const main = isBare ? ['/busybox', 'sh', '-c', 'echo up; exec /busybox sleep 1000'] : ['/bin/sh', '-c', 'cd /work; echo up; exec sleep 1000'];
    const env = ['env', '-i', `SANDBOX_MAIN_CONTAINER=${name}`, 'PATH=/bin', 'HOME=/work', 'FROM_MAIN=caf\u00e9', 'BOTH=main'];
    const script = `${SETUP}\nexec "$@"`;
    const cgroup = hasCgroup ? join(CGROUPS, name) : '';
    const beside = besidePid === undefined ? [] : ['nsenter', `--target=${besidePid}`, '--pid', '--mount'];
    const [file = '', ...args] = [...beside, 'unshare', '--mount', 'sh', '-c', script, 'sh', ...rights, ...env, '/usr/sbin/chroot', ...user, '/mnt', ...main];
    const child = spawn(file, args, {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', OWNER: `${uid}:${gid}`, BARE: isBare ? 'yes' : '', HOST_PROGRAMS: hasHostPrograms ? 'yes' : '', CGROUP: cgroup },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'up') return new MainContainer(child, name, cgroup);
    }
    throw new Error('expected a main container, got its end');
  }

  /** Its main process, when it is not beside another process. */
  get pid(): number {
    return this.child.pid ?? NaN;
  }

  /** Ends the container, as a crash of its program does; one beside another process and without a cgroup ends with that process. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    // The child only waits when it is one beside another process.
    if (this.cgroup !== '') readFileSync(join(this.cgroup, 'cgroup.procs'), 'utf8').split('\n').filter((pid) => pid !== '').forEach((pid) => signalAny(Number(pid), 'SIGKILL'));
    if (this.child.kill('SIGKILL')) await ended;
    if (this.cgroup !== '') await until(() => rmdirSync(this.cgroup));
  }
}
