#!/usr/bin/perl
# The first process of the executor's container: sandbox-executor-init.pl SERVER [ARGUMENT...]
#
# It runs the server as its child, and starts the next one when that ends: a container dies with its first process, and all tasks with it.
# Until a server has said by SIGUSR1 that it serves, no task can be running: then its end is the end of the container, with its exit code.
# SIGTERM and SIGINT mean that the container goes away. Every orphan that it gets is reaped.
#
# Perl, since that takes 0.5 MB where a second Node takes 10. No module is loaded: the image holds none.

my ($server, $isEnding, $hasServed) = (0, 0, 0);
$SIG{TERM} = $SIG{INT} = sub { $isEnding = 1; $SIG{ALRM}->() };
$SIG{ALRM} = sub { kill('URG', $server) if $server; alarm 1 };   # and again, since a server that starts does not listen yet
$SIG{USR1} = sub { $hasServed = 1; $SIG{ALRM}->() if $isEnding };
$ENV{EXECUTOR_INIT_PID} = $$;
# Only a process that was put into a namespace of processes from outside has no parent there.
$ENV{EXECUTOR_OWNS_CONTAINER} = getppid() == 0 ? 'true' : 'false';

for (;;) {
  my $startedAt = time;
  $server = fork;
  if (defined($server) && $server == 0) {
    $SIG{TERM} = $SIG{INT} = 'DEFAULT';
    exec { $ARGV[0] } @ARGV or print STDERR qq({"level":"fatal","msg":"cannot start","error":"init: expected a server at '$ARGV[0]', got $!"}\n);
    exit 1;
  }
  if (defined $server) {
    1 while wait != $server;                         # others that end are orphans; -1 is a signal to us
  } else {
    $? = 1 << 8;
  }
  $server = 0;
  my $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
  exit $code if $isEnding || !$hasServed;
  sleep 1 if $code && time - $startedAt < 10;
  exit 0 if $isEnding;
}
