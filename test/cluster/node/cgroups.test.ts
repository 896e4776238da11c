import { expectCgroups } from './cgroups';

const VERSION_1 = 'tmpfs /sys/fs/cgroup tmpfs ro,mode=755 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n';

test('a machine with cgroups of version 1 can have a node', () => {
  expect(() => expectCgroups(VERSION_1)).not.toThrow();
});

test.each([
  ['of version 2 only', 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n'],
  ['nowhere', 'proc /proc proc rw 0 0\n'],
])('where cgroups are %s, it is said what to do', (_, mounts) => {
  expect(() => expectCgroups(mounts)).toThrow('real node: cgroups: expected hierarchies of version 1, got none; boot with systemd.unified_cgroup_hierarchy=0');
});
