import type { PodFacts } from '../../../operator/pod-facts';
import { type BreakerPlan, newBreaker, planBreaker } from '../../../operator/pool/breaker';
import type { UnreadyPod } from '../../../operator/pool-book';
import type { StartProblem } from '../../../operator/start-problem';
import { podOf } from '../../support/builders';

const PULL: StartProblem = { reason: 'ImagePull', message: "container 'main': no such image" };
const CRASH: StartProblem = { reason: 'PodsFailing', message: "container 'main': back-off" };
const NO_NODE: StartProblem = { reason: 'Unschedulable', message: '0/3 nodes are available' };

const facts = (name: string, createdAtS = 0) =>
  podOf('p', name, { ready: false, readySince: '', phase: 'Pending', createdAt: `2026-01-01T00:00:${String(createdAtS).padStart(2, '0')}Z` });
const unready = (name: string, problem?: StartProblem, createdAtS = 0): UnreadyPod => ({ facts: facts(name, createdAtS), wasReady: false, problem });
const ended = (name: string): PodFacts => ({ ...facts(name), live: false, phase: 'Failed', problem: { reason: 'PodsFailing', message: 'it ended in phase Failed' } });

/** Looks at a pool one after another, each at its second. */
function breakerOf() {
  let state = newBreaker('r1', 0);
  return (atS: number, pods: readonly UnreadyPod[], more: { succeeded?: boolean; died?: PodFacts[]; wantsMore?: boolean } = {}): BreakerPlan => {
    const { succeeded = false, died = [], wantsMore = true } = more;
    const plan = planBreaker(state, { starts: { unready: pods, succeeded, died, brief: [] }, wantsMore, nowMs: atS * 1000 });
    state = plan.state;
    return plan;
  };
}
const namesOf = (plan: BreakerPlan) => plan.remove.map(({ name }) => name);
const seen = (plan: BreakerPlan) => ({ reason: plan.state.open?.reason, createLimit: plan.createLimit, remove: namesOf(plan) });
const closed = { reason: undefined, createLimit: Infinity };
/** The newest of them comes first: the order says nothing. */
const three = [unready('c', PULL, 2), unready('a', PULL), unready('b', PULL, 1)];

test('a problem that passes within 30 s changes nothing', () => {
  const look = breakerOf();
  look(0, three);
  expect(seen(look(29, three))).toEqual({ ...closed, remove: [] });
  expect(seen(look(31, three.map(({ facts: pod }) => unready(pod.name))))).toEqual({ ...closed, remove: [] });
});

test('a pod or two that do not start are replaced', () => {
  const look = breakerOf();
  look(0, three.slice(1));
  expect(seen(look(30, three.slice(1)))).toEqual({ ...closed, remove: ['a', 'b'] });
});

test('three failed starts stop the filling; the newest pod stays to be looked at', () => {
  const look = breakerOf();
  look(0, three);
  const plan = look(30, three);
  expect(seen(plan)).toEqual({ reason: 'ImagePull', createLimit: 0, remove: ['a', 'b'] });
  expect(plan.state.open?.message).toBe("pod 'c': container 'main': no such image");
});

test('failures are counted in a row, one pod after another', () => {
  const look = breakerOf();
  for (const [index, name] of ['a', 'b'].entries()) {
    look(index * 40, [unready(name, CRASH)]);
    expect(seen(look(index * 40 + 30, [unready(name, CRASH)]))).toEqual({ ...closed, remove: [name] });
  }
  look(80, [unready('c', CRASH)]);
  expect(seen(look(110, [unready('c', CRASH)]))).toEqual({ reason: 'PodsFailing', createLimit: 0, remove: [] });
});

test('a start that succeeds ends the row', () => {
  const look = breakerOf();
  look(0, three.slice(1));
  look(30, three.slice(1));
  look(31, [], { succeeded: true });
  look(40, three.slice(0, 1));
  expect(seen(look(70, three.slice(0, 1)))).toEqual({ ...closed, remove: ['c'] });
});

test('pods that end before they are Ready count at once', () => {
  const look = breakerOf();
  const plan = look(1, [], { died: [ended('a'), ended('b'), ended('c')] });
  expect(seen(plan)).toEqual({ reason: 'PodsFailing', createLimit: 0, remove: [] });
  expect(plan.state.open?.message).toBe("pod 'c': it ended in phase Failed");
});

test('a pod that is not Ready for 10 min has failed, and says so', () => {
  const look = breakerOf();
  const silent = ['a', 'b', 'c'].map((name, index) => unready(name, undefined, index));
  look(0, silent);
  expect(seen(look(599, silent))).toEqual({ ...closed, remove: [] });
  const plan = look(600, silent);
  expect(plan.state.open).toMatchObject({ reason: 'PodsFailing', message: "pod 'c': not Ready after 600 s" });
});

test('an open breaker tries one pod at a time, after pauses that double up to 5 min', () => {
  const look = breakerOf();
  look(0, three);
  look(30, three);
  let atS = 30;
  let sample = unready('c', PULL);
  const pauses: number[] = [];
  for (let index = 0; index < 7; index += 1) {
    const failedAtS = atS;
    while (look(atS, [sample]).createLimit === 0) atS += 1;
    pauses.push(atS - failedAtS);
    const next = unready(`try-${index}`, PULL);
    expect(seen(look(atS, [next]))).toMatchObject({ createLimit: 0, remove: [] });
    atS += 30;
    expect(seen(look(atS, [next]))).toMatchObject({ reason: 'ImagePull', createLimit: 0, remove: [] });
    sample = next;
  }
  expect(pauses).toEqual([10, 20, 40, 80, 160, 300, 300]);
});

test('the failed pod makes way for the one that is tried', () => {
  const look = breakerOf();
  look(0, three);
  look(30, three);
  expect(seen(look(40, three.slice(0, 1)))).toEqual({ reason: 'ImagePull', createLimit: 1, remove: ['c'] });
});

test('pods of the first wave that fail later do not make the pause longer', () => {
  const look = breakerOf();
  const late = unready('late', PULL);
  look(0, three);
  look(5, [...three, late]);
  look(30, [...three, late]);
  expect(look(35, [late]).state.open).toMatchObject({ pauseMs: 10_000, tryAtMs: 45_000 });
});

test.each([
  ['a pod becomes Ready for the first time', { succeeded: true }],
  ['nobody wants more pods', { wantsMore: false }],
])('it closes when %s', (_name, news) => {
  const look = breakerOf();
  look(0, three);
  look(30, three);
  const plan = look(31, [], news);
  expect(seen(plan)).toEqual({ ...closed, remove: [] });
  expect(plan.state.failures).toBe(0);
});

describe('a pod that no node takes', () => {
  const waiting = [unready('a', NO_NODE), unready('b', NO_NODE, 1)];

  test('stops the filling alone, and stays for the scheduler and an autoscaler', () => {
    const look = breakerOf();
    look(0, waiting);
    const plan = look(30, waiting);
    expect(seen(plan)).toEqual({ reason: 'Unschedulable', createLimit: 0, remove: [] });
    expect(seen(look(1000, waiting))).toEqual({ reason: 'Unschedulable', createLimit: 0, remove: [] });
  });

  test('holds the filling back while another becomes Ready', () => {
    const look = breakerOf();
    look(0, waiting);
    look(30, waiting);
    expect(seen(look(40, waiting.slice(1), { succeeded: true }))).toEqual({ reason: 'Unschedulable', createLimit: 0, remove: [] });
    expect(seen(look(41, [], { succeeded: true }))).toEqual({ ...closed, remove: [] });
  });

  test('has a new start once a node took it', () => {
    const look = breakerOf();
    look(0, waiting);
    look(30, waiting);
    look(60, [unready('a', PULL)]);
    expect(seen(look(89, [unready('a', PULL)]))).toMatchObject({ reason: 'Unschedulable', createLimit: 0, remove: [] });
    expect(seen(look(90, [unready('a', PULL)]))).toMatchObject({ reason: 'ImagePull' });
  });
});

describe('a pod that was Ready once', () => {
  const fallen = ['a', 'b', 'c'].map((name): UnreadyPod => ({ ...unready(name, CRASH), wasReady: true }));

  test('has started: what it fails of later opens nothing, and 10 min later it is replaced', () => {
    const look = breakerOf();
    look(0, fallen);
    expect(seen(look(599, fallen))).toEqual({ ...closed, remove: [] });
    expect(seen(look(600, fallen))).toEqual({ ...closed, remove: ['a', 'b', 'c'] });
  });

  test('is kept while new pods do not start', () => {
    const look = breakerOf();
    look(0, [...three, ...fallen]);
    look(30, [...three, ...fallen]);
    expect(namesOf(look(700, fallen))).toEqual([]);
  });
});

test('a breaker that another process had opened goes on with a try of one pod', () => {
  const state = newBreaker('r1', 0, PULL);
  const at = (nowMs: number) => planBreaker(state, { starts: { unready: [], succeeded: false, died: [], brief: [] }, wantsMore: true, nowMs }).createLimit;
  expect([at(0), at(9_999), at(10_000)]).toEqual([0, 0, 1]);
});
