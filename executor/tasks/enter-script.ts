import type { Credentials } from './main-process';

/** The interpreter of our scripts: never one that a PATH leads to. */
export const PERL = '/usr/bin/perl';

/** Answer of {@link ENTER_SCRIPT} when all is done but the last step. */
export const READY_TO_EXEC = 'ready ';

/**
 * The program between a runner and a task in the main container: it enters the container's root directory, takes the rights and the
 * environment of its main process, and becomes the task. Perl, because Node can neither change its root nor give up capabilities, and
 * because every Debian has it; it loads no module, hence nothing out of the main container while it still has our rights.
 *
 * It must not be open, and with it our own root directory, to any process of the container with the same user. While it is root,
 * SYS_PTRACE protects it: it keeps that capability until its exec. Becoming another user takes all capabilities from it, and from there it is
 * protected as every process that has changed its user is: it is not dumpable (fs.suid_dumpable, which must not be 1).
 *
 * Descriptors: 3 is a socket to the runner, 4 the root directory, 5 the working directory. The runner sends {@link enterOrder} and closes
 * its side; the answer is {@link READY_TO_EXEC} alone when the task's program runs, and ends with `<step> <errno>` when something failed.
 * The descriptors close as the program starts: Perl marks what it opens above descriptor 2 so.
 */
export const ENTER_SCRIPT = String.raw`
open(my $runner, '+<&=', 3); open(my $root, '<&=', 4); open(my $dir, '<&=', 5);
sub fail { syswrite($runner, "$_[0] " . ($! + 0)); exit 1 }

# A text that is cut short means that the runner has died: nothing must run then.
my ($length, $order) = split(/\0/, do { local $/; <$runner> } // '', 2);
exit 1 unless defined($order) && length($order) == $length;
my ($syscalls, $uid, $gid, $groups, $dropped, $locked, $terminal, $path, $count, @words) = split(/\0/, $order, -1);
my ($prctl, $capget, $capset, $setgroups, $setresgid, $setresuid) = map { $_ + 0 } split(/ /, $syscalls);
my ($PR_CAPBSET_DROP, $PR_SET_NO_NEW_PRIVS, $CAPABILITY_VERSION_3) = (24, 38, 0x20080522);

chdir($root) && chroot('.') && chdir($dir) or fail('enter');

for (split(/ /, $dropped)) { syscall($prctl, $PR_CAPBSET_DROP, $_ + 0, 0, 0, 0) == 0 or fail('restrict') }
my ($header, $sets) = (pack('L2', $CAPABILITY_VERSION_3, 0), "\0" x 24);
syscall($capget, $header, $sets) == 0 or fail('restrict');
my @sets = unpack('L6', $sets);
@sets[2, 5] = (0, 0);                                # the inheritable ones, and with them the ambient ones
$sets = pack('L6', @sets);
syscall($capset, $header, $sets) == 0 or fail('restrict');
if ($locked) { syscall($prctl, $PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 or fail('restrict') }

my @groups = map { $_ + 0 } split(/ /, $groups);
my $list = pack('L*', @groups);
syscall($setgroups, scalar(@groups), $list) == 0 or fail('restrict');
syscall($setresgid, ($gid + 0) x 3) == 0 or fail('restrict');
syscall($setresuid, ($uid + 0) x 3) == 0 or fail('restrict');

$path eq '' or chdir($path) or fail('workingDir');
if ($terminal) { ioctl(STDIN, 0x540E, 0) or fail('terminal') }   # TIOCSCTTY
my @command = splice(@words, 0, $count);
%ENV = map { split(/=/, $_, 2) } @words;
syswrite($runner, '${READY_TO_EXEC}');
exec { $command[0] } @command;
fail('command');
`;

/** Becomes a program on the terminal that is its standard input, which becomes its own: Node starts programs in new sessions, which have none. */
export const TERMINAL_SCRIPT = 'ioctl(STDIN, 0x540E, 0); exec { $ARGV[0] } @ARGV; exit 127';

/** What {@link ENTER_SCRIPT} is to do. All texts are latin1: one character for each byte. */
export interface EnterOrder extends Pick<Credentials, 'uid' | 'gid' | 'groups' | 'noNewPrivileges'> {
  /** Capabilities that the task must not have, by number. */
  readonly droppedCapabilities: readonly number[];
  /** Inside the root directory; relative to the main process's one, and empty for that one itself. */
  readonly workingDir: string;
  /** Whether its standard input is a terminal, which becomes its own. */
  readonly hasTerminal: boolean;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The order as the script reads it. */
export function enterOrder(order: EnterOrder): Buffer {
  const { uid, gid, groups, droppedCapabilities, noNewPrivileges, hasTerminal, workingDir, argv, env } = order;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const words = [syscallNumbers(), uid, gid, groups.join(' '), droppedCapabilities.join(' '), noNewPrivileges ? 1 : 0, hasTerminal ? 1 : 0, workingDir, argv.length, ...argv, ...variables];
  const text = words.join('\0');
  return Buffer.from(`${text.length}\0${text}`, 'latin1');
}

/** Numbers of prctl, capget, capset, setgroups, setresgid and setresuid. @see include/uapi/asm-generic/unistd.h and syscall_64.tbl of Linux */
const SYSCALLS: Readonly<Record<string, string>> = {
  x64: '157 125 126 116 119 117',
  arm64: '167 90 91 159 149 147',
};

function syscallNumbers(): string {
  const numbers = SYSCALLS[process.arch];
  if (numbers === undefined) {
    throw new Error(`executor: --enable-sidecar-mode: expected a processor of kind ${Object.keys(SYSCALLS).join(' or ')}, got ${process.arch}`);
  }
  return numbers;
}

/** @throws Error on a processor whose system calls {@link ENTER_SCRIPT} cannot make */
export function checkProcessor(): void {
  syscallNumbers();
}
