import { type ContainerState, type ObservedContainer, type ObservedPod, toPodStatus } from '../../../local/nodes/pod-status';

const NOW = new Date('2026-01-01T00:01:00Z');
const running: ContainerState = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const creating: ContainerState = { waiting: { reason: 'ContainerCreating' } };
const ended = (exitCode: number): ContainerState => ({
  terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt: '2026-01-01T00:00:00Z', finishedAt: '2026-01-01T00:00:30Z' },
});

const container = (state: ContainerState, more: Partial<ObservedContainer> = {}): ObservedContainer => ({
  container: { name: 'main' },
  state,
  started: false,
  ready: false,
  restartCount: 0,
  ...more,
});
const podWith = (restartPolicy: string) => ({ metadata: { name: 'p' }, spec: { restartPolicy } });
const pod = (containers: ObservedContainer[], more: Partial<ObservedPod> = {}): ObservedPod => ({
  pod: podWith('Never'),
  address: '127.9.1.1',
  hostAddress: '127.9.0.1',
  startedAt: new Date('2026-01-01T00:00:00Z'),
  initContainers: [],
  containers,
  initialized: true,
  deadlineExceeded: false,
  ...more,
});

test.each<[string, ObservedPod, string]>([
  ['before its containers run', pod([container(creating)]), 'Pending'],
  ['while init containers run', pod([container(creating)], { initialized: false, initContainers: [container(running)] }), 'Pending'],
  ['after an init container failed for good', pod([container(creating)], { initialized: false, initContainers: [container(ended(1))] }), 'Failed'],
  ['while one container runs', pod([container(running), container(ended(0))]), 'Running'],
  ['between two runs', pod([container({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 1 })]), 'Running'],
  ['after all containers succeeded', pod([container(ended(0)), container(ended(0))]), 'Succeeded'],
  ['after its deadline', pod([container(ended(0))], { deadlineExceeded: true }), 'Failed'],
  ['after all containers ended and one failed', pod([container(ended(0)), container(ended(3))]), 'Failed'],
  ['while a container that failed waits for its restart', pod([container(ended(3))], { pod: podWith('Always') }), 'Running'],
  ['while a container that may not end waits for its restart', pod([container(ended(0))], { pod: podWith('Always') }), 'Running'],
  ['while one that may end only well waits for its restart', pod([container(ended(3))], { pod: podWith('OnFailure') }), 'Running'],
  ['after all containers that may end well have', pod([container(ended(0))], { pod: podWith('OnFailure') }), 'Succeeded'],
])('phase %s', (_title, observed, want) => {
  expect(toPodStatus(observed, [], NOW).phase).toBe(want);
});

test('a pod is ready when all its containers are, and a condition keeps its time until it changes', () => {
  const first = toPodStatus(pod([container(running, { ready: true }), container(running)]), [], new Date('2026-01-01T00:00:05Z'));
  const second = toPodStatus(pod([container(running, { ready: true }), container(running, { ready: true })]), first.conditions, NOW);
  const readiness = (status: typeof first) => status.conditions.filter(({ type }) => type === 'Ready' || type === 'PodScheduled');
  expect(readiness(first)).toEqual([
    { type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:05Z' },
    { type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [main]', lastTransitionTime: '2026-01-01T00:00:05Z' },
  ]);
  expect(readiness(second)).toEqual([
    { type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:05Z' },
    { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:01:00Z' },
  ]);
});
