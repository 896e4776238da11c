import { startFaultCluster } from '../../cluster/fault-cluster';
import { playReal, type RealOutcomes } from '../real/play-real';
import { startProcessCluster } from '../real/process-cluster';
import { realHistories } from '../real/real-histories';

/** Real worlds that histories are played in. */
export const REAL_WORLDS = ['processes', 'control-plane'] as const;
export type RealWorldName = (typeof REAL_WORLDS)[number];

const CLUSTERS = { processes: startProcessCluster, 'control-plane': startFaultCluster } as const;

export interface RealOptions {
  readonly real: RealWorldName;
  readonly seed: number;
  readonly seeds: number;
  readonly steps: number;
}

/** Plays the histories in a real world of their own. */
export async function playInRealWorld({ real, seed, seeds, steps }: RealOptions): Promise<RealOutcomes> {
  const { cluster, stop } = await CLUSTERS[real]();
  try {
    return await playReal(cluster, realHistories(seed, seeds, steps, cluster.limits));
  } finally {
    await stop();
  }
}
