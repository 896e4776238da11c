import { type ApiTarget, useApi } from '../../support/api-under-test';
import { until } from '../../support/waiting';
import { WIDGET_CRD, widgetsIn } from '../../support/widget-crd';
import { describeCustomResources } from './custom-resources';
import { describeDeletion } from './deletion';
import { describeFieldOwners } from './field-owners';
import { describeKubectl } from './kubectl';
import { describeMetadataOnly } from './metadata-only';
import { describePods } from './pods';
import { describeServerSideApply } from './server-side-apply';
import { describeWatch } from './watch';
import { describeWrites } from './writes';

/**
 * What every Kubernetes API server does, as far as this product and its users rely on it; the same for each of them.
 *
 * @param name of the API server, for the titles
 * @param start starts it once for all tests
 * @param startWithinMs longest start, in ms
 */
export function describeConformance(name: string, start: () => Promise<ApiTarget>, startWithinMs: number): void {
  describe(name, () => {
    const api = useApi(start, startWithinMs);

    beforeAll(async () => {
      expect(await api.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', WIDGET_CRD)).toMatchObject({ status: 201 });
      await until(async () => expect((await api.request('GET', widgetsIn('default'))).status).toBe(200));
    });

    describe('writes', () => describeWrites(api));
    describe('deletion', () => describeDeletion(api));
    describe('watch', () => describeWatch(api));
    describe('custom resources', () => describeCustomResources(api));
    describe('server-side apply', () => describeServerSideApply(api));
    describe('other writes', () => describeFieldOwners(api));
    describe('metadata alone', () => describeMetadataOnly(api));
    describe('pods', () => describePods(api));
    describe('kubectl', () => describeKubectl(api));
  });
}
