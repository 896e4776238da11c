import { describeConformance } from '../acceptance/conformance/suite';
import { ApiClient } from '../support/api-client';
import { describeCrds } from './corpus/crds';
import { describePodSecurity } from './corpus/pod-security';
import { describePodTemplates } from './corpus/pod-templates';
import { createCrds } from './corpus/server';
import { describeValues } from './corpus/values';
import { BUILD_TIMEOUT_MS } from './programs';
import { type ControlPlane, startControlPlane } from './real-cluster';

/** One for all of them: it costs as much to start as one of them to run. */
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

const server = () => {
  if (cluster === undefined || client === undefined) throw new Error('cluster: expected a call from within a test');
  return { cluster, client };
};

function connectRealApi() {
  const { program, ...plane } = server().cluster;
  return Promise.resolve({ ...plane, kubectl: [program, 'kubectl'], stop: () => Promise.resolve() });
}

describe('our CRDs on real Kubernetes', () => describeCrds(server));
describe('values of our kinds', () => describeValues(server));
describe('the Pod Security Standard restricted', () => describePodSecurity(server));
describe('pod templates', () => describePodTemplates(server));
describeConformance('the API of real Kubernetes', connectRealApi, BUILD_TIMEOUT_MS);
