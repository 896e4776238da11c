import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Default longest installation, in ms: some hundred megabytes on a slow line. */
const INSTALL_TIMEOUT_MS = 15 * 60_000;

/**
 * Installs the Debian packages that are missing on this machine; asks no network when none is.
 *
 * Two processes may do so at once: the second one waits.
 *
 * @param names of binary packages, such as `buildah`
 * @param withinMs longest installation, with the wait for another that runs
 * @throws Error that says what to install when this is not root on a Debian machine, or when apt fails
 */
export async function ensurePackages(names: readonly string[], withinMs = INSTALL_TIMEOUT_MS): Promise<void> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) throw notInstalled(missing, '');
  process.stderr.write(`installing Debian packages: ${missing.join(', ')}\n`);
  try {
    await install(missing, withinMs);
  } catch (error) {
    throw notInstalled(missing, ` (${lastLines(error)})`, error);
  }
}

/** A package that was removed is still known to dpkg, and one that it never saw makes it fail. */
async function missingPackages(names: readonly string[]): Promise<readonly string[]> {
  const query = ['-W', '-f', '${db:Status-Status} ${Package}\n', ...names];
  const answer = await promisify(execFile)('dpkg-query', query).catch((error: unknown) => error as { readonly stdout?: string });
  const lines = new Set(answer.stdout?.split('\n'));
  return names.filter((name) => !lines.has(`installed ${name}`));
}

/**
 * The lists of packages are fetched only when the ones at hand do not do: none at all, or too old ones.
 * dpkg wants the programs of administrators on PATH.
 */
const INSTALL_SCRIPT = `
export DEBIAN_FRONTEND=noninteractive PATH="$PATH:/usr/sbin:/sbin"
install() { apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=600 "$@"; }
install "$@" || { apt-get update && install "$@"; }
`;

/** apt itself waits for a running dpkg and not for another apt that fetches lists, so a lock of ours does. */
async function install(names: readonly string[], withinMs: number): Promise<void> {
  // It ends all that it has started: a signal from here would reach flock and leave apt at work.
  const limited = ['--kill-after=10', String(withinMs / 1000), 'flock', '/var/lib/apt', 'sh', '-c', INSTALL_SCRIPT, 'sh', ...names];
  await promisify(execFile)('timeout', limited, { maxBuffer: Infinity });
}

function notInstalled(missing: readonly string[], why: string, cause?: unknown): Error {
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  return new Error(`machine: Debian packages: expected ${missing.join(', ')} to be installed, got none${why}; run as root: ${command}`, { cause });
}

function lastLines(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message?: string };
  return (stderr || message || '').trim().split('\n').slice(-2).join(' ').slice(-200);
}
