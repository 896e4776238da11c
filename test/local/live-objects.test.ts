import { LiveObjects } from '../../local/live-objects';
import { KubeApi } from '../../operator/kube/api';
import { fixedConnection } from '../../operator/kube/connection';
import { PODS } from '../../operator/kube/resource-types';
import { Transport } from '../../operator/kube/transport';
import { systemClock } from '../../src/program/clock';
import { FakeApi, silence } from '../support/fake-api';
import { until } from '../support/waiting';

let fake: FakeApi;
let transport: Transport;
beforeEach(async () => {
  fake = await FakeApi.start();
  transport = new Transport({ connection: fixedConnection(fake.url), clock: systemClock });
});
afterEach(async () => {
  await transport.destroy();
  await fake.stop();
});

test('an interruption before the first list is there ends the wait for it', async () => {
  fake.always(silence);
  const stop = new AbortController();
  const watching = LiveObjects.watch(new KubeApi({ transport }), PODS, stop.signal);
  await until(() => expect(fake.requests).toHaveLength(1));
  const reason = new Error('interrupted');
  stop.abort(reason);
  await expect(watching).rejects.toBe(reason);
});
