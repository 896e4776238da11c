#!/bin/sh
# First process of a node's namespaces: makes them look like a machine of their own, then reaps orphans until it is killed.
#
#   init.sh FOLDER
set -eu
folder=$1
read -r pid _ < /proc/self/stat # as the machine counts: /proc is still the machine's

mount --make-rshared /
mount -t proc proc /proc
# The kubelet sets these for the whole machine; it is given copies.
for name in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  copy=$folder/sysctl/$name
  mkdir -p "${copy%/*}"
  cat "/proc/sys/$name" > "$copy"
  mount --bind "$copy" "/proc/sys/$name"
done

# What the kubelet counts. A hundred sandboxes ask for more by their defaults than a small machine has, and need far less.
processors=64

hierarchies=$(awk '$3 == "cgroup" { print $2 " " $4 }' /proc/mounts)
mount -t sysfs sysfs /sys
for path in node cpu; do mount -t tmpfs -o mode=755 tmpfs "/sys/devices/system/$path"; done
for number in $(seq 0 $((processors - 1))); do mkdir "/sys/devices/system/cpu/cpu$number"; done
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
echo "$hierarchies" | while read -r path options; do
  mkdir "$path"
  mount -t cgroup -o "$options" cgroup "$path"
done

mount -t tmpfs -o mode=755 tmpfs /run
for path in /var/lib /var/log; do
  mkdir -p "$folder$path"
  mount --bind "$folder$path" "$path"
done

ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward # of this network namespace
echo "$pid" > "$folder/pid.new"
mv "$folder/pid.new" "$folder/pid"
exec catatonit -P
