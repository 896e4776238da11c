import type { KubeApi } from '../../../operator/kube/api';
import { TextEnd } from '../../../operator/kube/pod-log';
import { Diagnostics } from '../../../server/diagnostics/diagnostics';
import { batchOf } from '../../support/builders';

const MAX_BYTES = 1_048_576;

/** The diagnosis of a pod whose container has written this. */
function logOf(written: string) {
  const pod = { metadata: { name: 'b-0', namespace: 'default' }, spec: { containers: [{ name: 'main', image: 'i' }] } };
  const api = {
    get: () => Promise.resolve(pod),
    podLog: (_ref, { lastBytes = 0 }) => {
      const end = new TextEnd(lastBytes);
      end.add(Buffer.from(written));
      return Promise.resolve(end.toString());
    },
  } as Partial<KubeApi> as KubeApi;
  return new Diagnostics({ api, namespace: 'default' }).logs(batchOf('b', { template: {} }), undefined, {}, new AbortController().signal);
}

test.each([
  ['lines of a byte', 'a\n'],
  ['lines of characters of several bytes', '\u20ac\u20ac\n'],
])('a log that is longer than an answer may be is told from its end, in whole lines, and that it is: %s', async (_title, line) => {
  const { text, truncated } = await logOf(`oldest\n${line.repeat(MAX_BYTES)}youngest\n`);
  expect([truncated, text.startsWith(line), text.endsWith(`${line}youngest\n`)]).toEqual([true, true, true]);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_BYTES);
  expect(Buffer.byteLength(text)).toBeGreaterThan(MAX_BYTES - 10);
});

test('a log that fits is told as it is', async () => {
  const text = 'a'.repeat(MAX_BYTES);
  expect(await logOf(text)).toEqual({ text, truncated: false });
});
