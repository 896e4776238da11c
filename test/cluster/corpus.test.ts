import { ApiClient } from '../support/api-client';
import { describeCrds } from './corpus/crds';
import { describePodTemplates } from './corpus/pod-templates';
import { createCrds } from './corpus/server';
import { describeValues } from './corpus/values';
import { BUILD_TIMEOUT_MS } from './programs';
import { type ControlPlane, startControlPlane } from './real-cluster';

let cluster: ControlPlane | undefined;
let client: ApiClient | undefined;

beforeAll(async () => {
  cluster = await startControlPlane();
  client = new ApiClient(cluster.kubeconfigPath);
  await createCrds(client);
}, BUILD_TIMEOUT_MS);

afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

/** The API server that all of them ask: each costs as much to start as one of them to run. */
const server = () => {
  if (cluster === undefined || client === undefined) throw new Error('cluster: expected a call from within a test');
  return { cluster, client };
};

describe('CRDs on real Kubernetes', () => describeCrds(server));
describe('values of our kinds', () => describeValues(server));
describe('pod templates', () => describePodTemplates(server));
