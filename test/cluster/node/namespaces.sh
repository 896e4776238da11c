#!/bin/sh
# The namespaces of a node. Runs on the machine as long as they live, and then removes what they leave there.
#
#   namespaces.sh ID LINK FOLDER
#
# Of all that it starts, only the first process of the namespaces carries the marker by which clusters are ended. So that one
# ends first, and its parents reap it and go on here.
set -eu
id=$1 link=$2 folder=$3
scripts=${0%/*}
groups=$(awk -v "id=$id" '$3 == "cgroup" { print $2 "/cdk8s-sandboxes-" id }' /proc/mounts)

mkdir $groups
for group in $groups; do
  case $group in */cpuset/*)
    cat "$group/../cpuset.cpus" > "$group/cpuset.cpus"
    cat "$group/../cpuset.mems" > "$group/cpuset.mems" ;;
  esac
done
(
  for group in $groups; do echo 0 > "$group/cgroup.procs"; done
  exec unshare --mount --pid --net --ipc --uts --cgroup --fork env "SANDBOXES_CLUSTER=$id" sh "$scripts/init.sh" "$folder"
) || true
exec sh "$scripts/remove.sh" "$id" "$link"
