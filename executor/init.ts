import { accessSync, constants } from 'node:fs';
import { PERL } from './tasks/enter-script';

/** First argument of the program that makes it the first process of a container. */
export const INIT_MODE = 'init';

/**
 * Tells a server that its container goes away: it ends all tasks, records the results and ends (rule 14). A signal that does nothing to
 * a server that does not listen for it yet: its end would end the container, and the tasks without a record.
 */
export const END_TASKS_SIGNAL = 'SIGURG';

/** In the environment of a server: `true` when it has its container to itself, so that what its cgroup holds was started by its tasks. */
export const OWNS_CONTAINER = 'EXECUTOR_OWNS_CONTAINER';

/**
 * Runs the server as its child, and starts the next one when that ends: a container dies with its first process, and all tasks with it.
 * SIGTERM and SIGINT mean that the container goes away. It reaps every orphan that it gets. Perl, since that takes 0.5 MB where a
 * second Node takes 10.
 */
const INIT_SCRIPT = String.raw`
my ($server, $isEnding, $isFirst) = (0, 0, 1);
$SIG{TERM} = $SIG{INT} = sub { $isEnding = 1; $SIG{ALRM}->() };
$SIG{ALRM} = sub { kill('URG', $server) if $server; alarm 1 };   # and again, since a server that starts does not listen yet
for (;;) {
  my $startedAt = time;
  $server = fork;
  if (defined($server) && $server == 0) {
    $SIG{TERM} = $SIG{INT} = 'DEFAULT';
    exec { $ARGV[0] } @ARGV;
    exit 1;
  }
  if (defined $server) {
    1 while wait != $server;                         # others that end are orphans; -1 is a signal to us
  } else {
    $? = 1 << 8;
  }
  $server = 0;
  my $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
  exit $code if $isEnding;
  my $isQuick = time - $startedAt < 10;
  exit $code if $isFirst && $isQuick && $code == 1;  # it cannot start, and no task can be running yet
  $isFirst = 0;
  sleep 1 if $isQuick && $code;
  exit 0 if $isEnding;
}
`;

/**
 * Turns this process into the first one of a container.
 *
 * @param serverArgv program and arguments of the server
 * @throws Error when Node cannot do that, or when there is no Perl
 */
export function becomeInit([program = '', ...args]: readonly string[], env: Readonly<Record<string, string | undefined>>): never {
  try {
    accessSync(PERL, constants.X_OK); // Node aborts when execve fails
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new Error(`executor: ${INIT_MODE}: expected the program '${PERL}', got ${code}`, { cause: error });
  }
  if (process.execve === undefined) {
    throw new Error(`executor: ${INIT_MODE}: expected a Node with process.execve, got ${process.version}`);
  }
  // Only a process that was put into a namespace of processes from outside has no parent there.
  return process.execve(PERL, ['sandbox-executor-init', '-e', INIT_SCRIPT, program, ...args], { ...env, [OWNS_CONTAINER]: String(process.ppid === 0) });
}
