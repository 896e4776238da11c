#!/bin/sh
# The namespaces of a node. Runs on the machine as long as they live, and then removes what they leave there.
#
#   namespaces.sh ID LINK FOLDER
#
# It carries no marker of the cluster, so that clean-up, which kills all that do, has it do its part.
set -eu
id=$1 link=$2 folder=$3
groups=$(awk -v "id=$id" '$3 == "cgroup" { print $2 "/cdk8s-sandboxes-" id }' /proc/mounts)

# No group is left for a process, and then for no other group inside it: from the leaves up, until the last process has ended.
remove() {
  for _ in $(seq 200); do
    find $groups -depth -type d -exec rmdir {} + 2>/dev/null && return
    find $groups -maxdepth 0 2>/dev/null | grep -q . || return 0
    sleep 0.05
  done
  echo "node: expected its cgroups to be empty, got processes in $groups" >&2
}

mkdir $groups
for group in $groups; do
  case $group in */cpuset/*)
    cat "$group/../cpuset.cpus" > "$group/cpuset.cpus"
    cat "$group/../cpuset.mems" > "$group/cpuset.mems" ;;
  esac
done
(
  for group in $groups; do echo 0 > "$group/cgroup.procs"; done
  SANDBOXES_CLUSTER=$id exec unshare --mount --pid --net --ipc --uts --cgroup --fork --kill-child sh "${0%/*}/init.sh" "$folder"
) || true
ip link delete "$link" 2>/dev/null || true # the kernel may have done so already
remove
