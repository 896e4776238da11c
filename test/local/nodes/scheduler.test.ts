import { Scheduler } from '../../../local/nodes/scheduler';
import { systemClock as clock } from '../../../src/program/clock';
import { createLogger } from '../../../src/program/log';
import { until } from '../../support/waiting';

const log = createLogger('scheduler-test', 'error');
let ended: AbortController;
beforeEach(() => (ended = new AbortController()));
afterEach(() => ended.abort());

const pod = (uid: string) => ({ metadata: { name: uid, uid }, spec: {} });

/** A scheduler of two nodes, and what it has bound as `<pod> <node>`; the first binds fail. */
function schedulerWith(failures: number) {
  const bound: string[] = [];
  let left = failures;
  const bind = ({ metadata }: { metadata: { name: string } }, node: string) => {
    if (left-- > 0) return Promise.reject(new Error('connection reset'));
    bound.push(`${metadata.name} ${node}`);
    return Promise.resolve();
  };
  return { scheduler: new Scheduler(['n-0', 'n-1'], { api: { bind }, clock, log, signal: ended.signal }), bound };
}

test('gives pods to the node with the fewest', () => {
  const { scheduler, bound } = schedulerWith(0);
  for (const uid of ['a', 'b', 'c']) scheduler.observe(pod(uid));
  expect(bound).toEqual(['a n-0', 'b n-1', 'c n-0']);
});

test('gives no pod to a node that only a pod has named', () => {
  const { scheduler, bound } = schedulerWith(0);
  const onNone = { metadata: { name: 'x', uid: 'x' }, spec: { nodeName: 'none' } };
  scheduler.observe(onNone);
  scheduler.observeGone(onNone);
  for (const uid of ['a', 'b', 'c']) scheduler.observe(pod(uid));
  expect(bound).toEqual(['a n-0', 'b n-1', 'c n-0']);
});

test('binds a pod again when that failed', async () => {
  const { scheduler, bound } = schedulerWith(2);
  scheduler.observe(pod('a'));
  await until(() => expect(bound).toEqual(['a n-0']));
});
