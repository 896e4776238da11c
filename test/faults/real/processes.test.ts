import { expectSound } from './expect-sound';
import { playReal } from './play-real';
import { startProcessCluster } from './process-cluster';
import { realHistories } from './real-histories';

test('five histories among real processes break no rule (R1, R11, R13, R15, R16, R19, R21, R34, R37, R38, R39, R47, R50, R57, R60, R61, R92, R96, R97, R103, R105, R110, R113, R114, R115, R119, R120)', async () => {
  const { cluster, stop } = await startProcessCluster();
  try {
    expectSound(await playReal(cluster, realHistories(1, 5, 40, cluster.limits)), '--real processes --seed 1 --seeds 5 --steps 40');
  } finally {
    await stop();
  }
}, 300_000);
