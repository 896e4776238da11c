import { allCrds } from '../../../src/schema/crds';
import type { ApiClient } from '../../support/api-client';
import type { ControlPlane } from '../real-cluster';

/** Real Kubernetes with our CRDs, for a call from within a test. */
export type CorpusServer = () => { readonly cluster: ControlPlane; readonly client: ApiClient };

export async function createCrds(client: ApiClient): Promise<void> {
  for (const crd of allCrds()) expect(await client.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd)).toMatchObject({ status: 201 });
}
