import { startEmbeddedCluster } from './embedded-cluster';
import { sharedCluster, targetOf } from './kubernetes-cluster';
import { SimulatedKubelet } from '../support/simulated-kubelet';
import { Space } from '../support/space';
import type { Target } from '../support/target';
import { inParallel } from '../support/waiting';

/** What the tests of this run are to run on; a setting of Jest's projects. */
declare const CLUSTER: 'embedded' | 'kubernetes';

/** Sandboxes of the largest batch of a test. Pods that nothing runs cost real Kubernetes many times what they cost the embedded API. */
export const LARGEST_BATCH = CLUSTER === 'kubernetes' ? 100 : 1000;

/** Longest time of a cluster's start or end, and of the removal of the namespaces of one test, in ms. */
const SET_UP_MS = 120_000;

/** The cluster of a test file. */
export interface ClusterUnderTest {
  readonly target: Target;
  /** Makes a namespace for one test; it is deleted, with what is in it, when the test has ended. */
  newSpace(): Promise<Space>;
  /** The same, and pods of `handMadeTemplate` are Ready there as soon as they are made, though nothing runs in them: see {@link SimulatedKubelet}. */
  newSimulatedSpace(): Promise<Space>;
  /** Makes a namespace for all tests of the file, to be called before them; it is deleted after the last. */
  newSharedSpace(): Promise<Space>;
}

/** The cluster of the file that calls this: an embedded one of its own, or the real one that all files share. */
export function useCluster(): ClusterUnderTest {
  let target: Target | undefined;
  const spaces: Space[] = [];
  const shared: Space[] = [];
  const kubelets: SimulatedKubelet[] = [];
  const started = () => {
    if (target === undefined) throw new Error('cluster: expected a call from within a test');
    return target;
  };
  beforeAll(async () => {
    target = CLUSTER === 'kubernetes' ? targetOf(await sharedCluster()) : await startEmbeddedCluster();
  }, SET_UP_MS);
  // Nobody edits a finalizer here: that a namespace can always be deleted is part of what is tested (R121). Real Kubernetes takes its time
  // for that, so the end of the run waits for all of them.
  afterEach(() => inParallel(kubelets.splice(0), 4, (kubelet) => kubelet.stop()));
  const end = (ended: Space[]) => inParallel(ended.splice(0), 4, (space) => (CLUSTER === 'kubernetes' ? space.drop() : space.remove()));
  afterEach(() => end(spaces), SET_UP_MS);
  afterAll(async () => {
    await end(shared);
    await target?.stop();
  }, SET_UP_MS);
  const createIn = async (created: Space[]) => {
    const space = await Space.create(started());
    created.push(space);
    return space;
  };
  const newSpace = () => createIn(spaces);
  return {
    get target() {
      return started();
    },
    newSpace,
    newSharedSpace: () => createIn(shared),
    newSimulatedSpace: async () => {
      const space = await newSpace();
      kubelets.push(await SimulatedKubelet.start(started(), space));
      return space;
    },
  };
}
