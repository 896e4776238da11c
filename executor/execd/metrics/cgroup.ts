/** What a container uses, and how much it may; what is absent is not told, or not limited. */
export interface CgroupUse {
  readonly memoryBytes?: number;
  readonly memoryLimitBytes?: number;
  /** Processor time since its start, in µs. */
  readonly cpuUs?: number;
  /** In processors. */
  readonly cpuLimit?: number;
}

/**
 * Reads what the cgroup of a container says, of either version of them.
 *
 * @param read text of a file below /sys/fs/cgroup of the container; empty when there is none
 */
export async function readCgroup(read: (path: string) => Promise<string>): Promise<CgroupUse> {
  const [current, limit, stat, cpuStat, cpuMax] = await readAll(read, ['memory.current', 'memory.max', 'memory.stat', 'cpu.stat', 'cpu.max']);
  if (current !== '') {
    const [quota, period] = (cpuMax ?? '').split(' ');
    return {
      memoryBytes: withoutCache(current, stat, 'inactive_file'),
      memoryLimitBytes: limitOf(limit),
      cpuUs: numberOf(/^usage_usec (\d+)$/m.exec(cpuStat ?? '')?.[1]),
      cpuLimit: shareOf(quota, period),
    };
  }
  const [usage, oldLimit, oldStat, cpuNs, oldQuota, oldPeriod] = await readAll(read, [
    'memory/memory.usage_in_bytes',
    'memory/memory.limit_in_bytes',
    'memory/memory.stat',
    'cpuacct/cpuacct.usage',
    'cpu/cpu.cfs_quota_us',
    'cpu/cpu.cfs_period_us',
  ]);
  const ns = numberOf(cpuNs?.trim());
  return {
    memoryBytes: withoutCache(usage, oldStat, 'total_inactive_file'),
    memoryLimitBytes: limitOf(oldLimit),
    cpuUs: ns === undefined ? undefined : ns / 1000,
    cpuLimit: shareOf(oldQuota, oldPeriod),
  };
}

const readAll = (read: (path: string) => Promise<string>, paths: readonly string[]): Promise<string[]> => Promise.all(paths.map((path) => read(path)));

/** What the kernel can take back at once is not counted, as the kubelet has it. */
function withoutCache(used: string | undefined, stat: string | undefined, name: string): number | undefined {
  const bytes = numberOf(used?.trim());
  const cache = numberOf(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat ?? '')?.[1]) ?? 0;
  return bytes === undefined ? undefined : Math.max(0, bytes - cache);
}

/** No limit is `max`, or a number that no machine has. */
function limitOf(text: string | undefined): number | undefined {
  const bytes = numberOf(text?.trim());
  return bytes === undefined || bytes > 2 ** 60 ? undefined : bytes;
}

function shareOf(quota: string | undefined, period: string | undefined): number | undefined {
  const [quotaUs, periodUs] = [numberOf(quota?.trim()), numberOf(period?.trim())];
  return quotaUs === undefined || periodUs === undefined || quotaUs === 0 || periodUs === 0 ? undefined : quotaUs / periodUs;
}

const numberOf = (text: string | undefined): number | undefined => (text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined);
