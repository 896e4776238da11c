import { describeConformance } from '../acceptance/conformance/suite';
import { startControlPlane } from './real-cluster';
import { BUILD_TIMEOUT_MS } from './programs';

async function startRealApi() {
  const { program, ...plane } = await startControlPlane();
  return { ...plane, kubectl: [program, 'kubectl'] };
}

describeConformance('the API of real Kubernetes', startRealApi, BUILD_TIMEOUT_MS);
