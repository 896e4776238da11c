import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import type { Clock } from '../../../src/program/clock';
import type { ExecdMetrics } from '../../../src/schema/execd-api';
import { readSmallFile } from '../files/read-small';
import { Walk } from '../files/walk';
import type { Sandbox } from '../sandbox';
import { type CgroupUse, readCgroup } from './cgroup';

const MIB = 1024 * 1024;
const MOST_FILE_BYTES = 64 * 1024;
/** Shortest time that processor use is told of, in ms: a shorter one says what the time before it said. */
const SHORTEST_MS = 50;

/** Processor time in µs at a moment. */
interface Sample {
  readonly cpuUs: number;
  readonly atMs: number;
  /** Of all processors, from 0 to 100, up to then. */
  readonly usedPercent: number;
}

/** How much the main container uses; where it has no cgroup or no limit of its own, the machine is meant. */
export class Metrics {
  private last?: Sample;

  constructor(
    private readonly sandbox: Sandbox,
    private readonly clock: Clock,
  ) {}

  /** @throws Refusal of status 503 while there is no sandbox */
  async read(): Promise<ExecdMetrics> {
    const use = await this.readUse();
    const cpuCount = use.cpuLimit ?? availableParallelism();
    const totalBytes = Math.min(use.memoryLimitBytes ?? totalmem(), totalmem());
    return {
      cpu_count: cpuCount,
      cpu_used_pct: this.usedPercent(use.cpuUs ?? machineCpuUs(), cpuCount),
      mem_total_mib: round(totalBytes / MIB),
      mem_used_mib: round((use.memoryBytes ?? totalmem() - freemem()) / MIB),
      timestamp: this.clock.now().getTime(),
    };
  }

  private async readUse(): Promise<CgroupUse> {
    const opened = this.sandbox.open();
    try {
      return await Walk.within(opened, (walk) => readCgroup((path) => readSmallFile(walk, `/sys/fs/cgroup/${path}`, MOST_FILE_BYTES)));
    } finally {
      opened.close();
    }
  }

  /** Since the call before; 0 for the first one. */
  private usedPercent(cpuUs: number, cpuCount: number): number {
    const atMs = this.clock.monotonicMs();
    const { last } = this;
    if (last !== undefined && atMs - last.atMs < SHORTEST_MS) {
      return last.usedPercent;
    }
    const share = last === undefined ? 0 : (cpuUs - last.cpuUs) / 1000 / (atMs - last.atMs) / cpuCount;
    const usedPercent = round(Math.min(100, Math.max(0, share * 100)));
    this.last = { cpuUs, atMs, usedPercent };
    return usedPercent;
  }
}

const machineCpuUs = (): number => cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) * 1000;

const round = (value: number): number => Math.round(value * 100) / 100;
