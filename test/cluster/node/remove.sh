#!/bin/sh
# Removes what a node leaves on the machine: its link, its cgroups, and processes in them, if there are any.
#
#   remove.sh ID LINK
set -u
id=$1 link=$2

ip link delete "$link" 2>/dev/null # the kernel does so too, some time after the last process
for _ in $(seq 200); do
  groups=$(find /sys/fs/cgroup -mindepth 2 -maxdepth 2 -name "cdk8s-sandboxes-$id")
  [ -n "$groups" ] || exit 0
  find $groups -name cgroup.procs -exec cat {} + | sort -u | xargs -r kill -9 2>/dev/null
  find $groups -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05 # the last process has not quite ended
done
echo "node: expected its cgroups to be empty after 10 s, got processes in $groups" >&2
exit 1
