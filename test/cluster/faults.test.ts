import { expectSound } from '../faults/real/expect-sound';
import { playReal } from '../faults/real/play-real';
import { realHistories } from '../faults/real/real-histories';
import { startFaultCluster } from './fault-cluster';
import { BUILD_TIMEOUT_MS } from './programs';

test('five histories on the real control plane break no rule (R1, R11, R13, R15, R16, R19, R21, R34, R37, R38, R39, R47, R50, R57, R60, R61, R92, R96, R97, R103, R105, R110, R113, R114, R115, R119, R120)', async () => {
  const { cluster, stop } = await startFaultCluster();
  let restarts = 0;
  const restartApi = () => {
    restarts += 1;
    return cluster.restartApi();
  };
  try {
    expectSound(await playReal({ ...cluster, restartApi }, realHistories(1, 5, 40, cluster.limits)), '--real control-plane --seed 1 --seeds 5 --steps 40');
    expect(restarts).toBe(1);
  } finally {
    await stop();
  }
}, BUILD_TIMEOUT_MS);
