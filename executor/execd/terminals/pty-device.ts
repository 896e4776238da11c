import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, fchownSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { PERL } from '../../tasks/enter-script';
import { Want } from '../files/access';
import { Walk } from '../files/walk';
import { Refusal } from '../refusal';
import type { OpenSandbox } from '../sandbox';

/** Both ends of a pseudo-terminal of the sandbox. Close each. */
export interface PtyDevice {
  /** Our end; does not block. */
  readonly masterFd: number;
  /** The end of the programs on it. */
  readonly slaveFd: number;
}

/** Size of a terminal in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Number of the device that makes terminals: 5, 2. */
const PTMX_DEVICE = 0x502;
/** Major number of terminals that it has made. @see Documentation/admin-guide/devices.txt of Linux */
const SLAVE_MAJOR = 136;

/** Unlocks the terminal whose other end is standard input, and prints its number: calls that Node cannot make. TIOCSPTLCK and TIOCGPTN, the same for all our processors. */
const UNLOCK_SCRIPT = 'my $n = pack("i", 0); ioctl(STDIN, 0x40045431, $n) && ioctl(STDIN, 0x80045430, $n) or exit 1; print unpack("i", $n)';

/** TIOCSWINSZ. */
const RESIZE_SCRIPT = 'ioctl(STDIN, 0x5414, pack("S4", @ARGV, 0, 0)) or exit 1';

/**
 * Opens a pseudo-terminal of the sandbox's own /dev/pts, for its user.
 *
 * @throws Refusal when the sandbox has none, or its user may not have one; the error of the system
 */
export async function openPty(opened: OpenSandbox): Promise<PtyDevice> {
  return Walk.within(opened, async (walk) => {
    const ptmx = await walk.require('/dev/ptmx');
    if (!ptmx.stats.isCharacterDevice() || ptmx.stats.rdev !== PTMX_DEVICE) {
      throw noTerminals('/dev/ptmx');
    }
    walk.check(ptmx.stats, Want.read | Want.write, '/dev/ptmx');
    const masterFd = openSync(`/proc/self/fd/${ptmx.entry.fd}`, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    try {
      const path = `/dev/pts/${await runOn(masterFd, UNLOCK_SCRIPT)}`;
      const slave = await walk.require(path);
      if (!slave.stats.isCharacterDevice() || slave.stats.rdev >> 8 !== SLAVE_MAJOR) {
        throw noTerminals(path);
      }
      const slaveFd = openSync(`/proc/self/fd/${slave.entry.fd}`, constants.O_RDWR | constants.O_NOCTTY);
      if (opened.isForeign) {
        fchownSync(slaveFd, opened.credentials.uid, slave.stats.gid);
      }
      return { masterFd, slaveFd };
    } catch (error) {
      closeSync(masterFd);
      throw error;
    }
  });
}

/** Tells the programs on a terminal how large it is. */
export async function resizePty(masterFd: number, { columns, rows }: TerminalSize): Promise<void> {
  await runOn(masterFd, RESIZE_SCRIPT, String(rows), String(columns));
}

/** Runs a script of ours with a terminal as its input, and returns what it prints. */
async function runOn(fd: number, script: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(PERL, ['-e', script, ...args], { env: {}, stdio: [fd, 'pipe', 'ignore'] });
  let text = '';
  (child.stdout as Readable).on('data', (piece) => (text += String(piece)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) {
    throw noTerminals('terminal');
  }
  return text;
}

const noTerminals = (path: string): Refusal => new Refusal(500, 'RUNTIME_ERROR', `${path}: expected a pseudo-terminal of the sandbox, got something else`);
