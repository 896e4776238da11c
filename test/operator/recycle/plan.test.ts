import fc from 'fast-check';
import { planRecycle, type RecycleInput, type RecycleStep, restartable, unrestarted } from '../../../operator/recycle/plan';
import { DEFAULT_RESTART_CONFIG } from '../../../operator/recycle/restart-config';
import type { RestartRecord } from '../../../operator/recycle/restart-record';
import type { ContainerStatus, Pod, PodStatus } from '../../../src/schema/kubernetes';

const START = '2026-01-01T00:00:00.000Z';
const at = (seconds: number) => Date.parse(START) + seconds * 1000;

const container = (name: string, containerID: string, state: ContainerStatus['state'] = { running: {} }): ContainerStatus => ({ name, containerID, state });

function podWith(containerStatuses: readonly ContainerStatus[], status: PodStatus = {}, deletionTimestamp?: string): Pod {
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: START }];
  return { metadata: { name: 'p', namespace: 'default', uid: 'u', deletionTimestamp }, status: { phase: 'Running', conditions, containerStatuses, ...status } };
}

const recordOf = (more: Partial<RestartRecord> = {}): RestartRecord => ({ id: 'b', startTime: START, containers: { main: 'c://1' }, lastRetryTime: START, retryCount: 0, ...more });

const OLD = podWith([container('main', 'c://1')]);
const NEW = podWith([container('main', 'c://2')]);
const NOT_READY: PodStatus = { conditions: [{ type: 'Ready', status: 'False' }] };

const decide = (input: Partial<RecycleInput>): RecycleStep =>
  planRecycle({ pod: OLD, strategy: 'Restart', record: undefined, config: DEFAULT_RESTART_CONFIG, nowMs: at(0), ...input });

test.each<[string, Partial<RecycleInput>, RecycleStep]>([
  ['is restarted first of all (R53)', {}, { kind: 'attempt' }],
  ['that is going needs nothing (R53)', { pod: podWith([], {}, START) }, { kind: 'gone' }],
  ['of a pool that deletes is deleted (R51)', { strategy: 'Delete' }, { kind: 'remove' }],
  ['of a pool that deletes by now is deleted amid its restart (R51)', { strategy: 'Delete', record: recordOf() }, { kind: 'remove' }],
  ['of a pool that does nothing is used again in whatever state it is (R52)', { strategy: 'Noop', pod: podWith([], NOT_READY) }, { kind: 'reuse' }],
  ['that has ended is deleted, also where nothing is to be done (R55)', { strategy: 'Noop', pod: podWith([], { phase: 'Failed' }) }, { kind: 'remove', because: 'it has ended (Failed)' }],
  ['that does not run is deleted (R55)', { pod: podWith([container('main', 'c://1')], { phase: 'Pending' }) }, { kind: 'remove', because: 'it does not run (Pending)' }],
  ['without a container that runs is deleted (R55)', { pod: podWith([container('main', 'c://1', { waiting: {} })]) }, { kind: 'remove', because: 'it has no running container to restart' }],
  [
    'whose containers are all to be left alone is deleted (R55)',
    { config: { ...DEFAULT_RESTART_CONFIG, blacklist: ['main'] } },
    { kind: 'remove', because: 'it has no running container to restart' },
  ],
  ['that runs as before is waited for (R53)', { record: recordOf(), nowMs: at(12) }, { kind: 'wait', ms: 18_000 }],
  ['is restarted again after the interval (R53)', { record: recordOf(), nowMs: at(30) }, { kind: 'attempt' }],
  ['waits from its last attempt on (R53)', { record: recordOf({ lastRetryTime: '2026-01-01T00:00:30Z', retryCount: 1 }), nowMs: at(31) }, { kind: 'wait', ms: 29_000 }],
  [
    'is deleted an interval after the last attempt (R53)',
    { record: recordOf({ retryCount: 3 }), nowMs: at(30) },
    { kind: 'remove', because: "not restarted after 3 retries: 'main'" },
  ],
  ['is waited for an interval at most when the clock was set back (R56)', { record: recordOf(), nowMs: at(-29) }, { kind: 'wait', ms: 30_000 }],
  ['is told again when the clock was set back by more: it would never be its time (R56)', { record: recordOf(), nowMs: at(-3600) }, { kind: 'attempt' }],
  ['is used again when its containers are new and it is Ready (R53)', { record: recordOf({ retryCount: 3 }), pod: NEW, nowMs: at(300) }, { kind: 'reuse' }],
  ['with new containers is waited for until it is Ready (R53)', { record: recordOf(), pod: podWith([container('main', 'c://2')], NOT_READY), nowMs: at(1) }, { kind: 'wait', ms: 29_000 }],
  [
    'that never becomes Ready is deleted (R53)',
    { record: recordOf({ retryCount: 3 }), pod: podWith([container('main', 'c://2')], NOT_READY), nowMs: at(60) },
    { kind: 'remove', because: 'it is not Ready after 3 retries' },
  ],
  [
    'is waited for when one of two containers is new (R53)',
    { record: recordOf({ containers: { main: 'c://1', side: 'c://8' } }), pod: podWith([container('main', 'c://2'), container('side', 'c://8')]), nowMs: at(1) },
    { kind: 'wait', ms: 29_000 },
  ],
  ['is waited for while a container starts again (R53)', { record: recordOf(), pod: podWith([container('main', 'c://2', { waiting: {} })]), nowMs: at(1) }, { kind: 'wait', ms: 29_000 }],
  ['is used again although a container that was left alone is the old one (R53)', { record: recordOf(), pod: podWith([container('main', 'c://2'), container('side', 'c://8')]) }, { kind: 'reuse' }],
  ['that was not proved empty is never used again, however new its containers are (X30)', { record: recordOf({ containers: {} }), pod: NEW, nowMs: at(1) }, { kind: 'wait', ms: 29_000 }],
  ['that was not proved empty is tried again (X30)', { record: recordOf({ containers: {} }), nowMs: at(30) }, { kind: 'attempt' }],
  [
    'that was never proved empty is deleted (X30)',
    { record: recordOf({ containers: {}, retryCount: 3 }), nowMs: at(30) },
    { kind: 'remove', because: 'its executor has not proved it empty after 3 retries' },
  ],
  ['goes by the configuration of now (R54)', { record: recordOf({ retryCount: 1 }), config: { ...DEFAULT_RESTART_CONFIG, retryIntervalMs: 5_000 }, nowMs: at(2) }, { kind: 'wait', ms: 3_000 }],
  [
    'is deleted at once after the only attempt that is allowed by now (R54)',
    { record: recordOf({ retryCount: 1 }), config: { ...DEFAULT_RESTART_CONFIG, maxRetries: 0 }, nowMs: at(30) },
    { kind: 'remove', because: "not restarted after 1 retry: 'main'" },
  ],
])('a returning pod %s', (_title, input, want) => {
  expect(decide(input)).toEqual(want);
});

test('only containers that run are recorded, and not those that are to be left alone (R53)', () => {
  const pod = podWith([container('main', 'c://1'), container('left', 'c://2'), container('ended', 'c://3', { terminated: { exitCode: 0 } }), { name: 'new', state: { running: {} } }]);
  expect(restartable(pod, { blacklist: ['left'] })).toEqual({ main: 'c://1' });
});

test('the command goes again only to containers that still run as they did (R53)', () => {
  const pod = podWith([container('old', 'c://1'), container('new', 'c://5'), container('ended', 'c://3', { waiting: {} }), container('left', 'c://4')]);
  const record = recordOf({ containers: { old: 'c://1', new: 'c://2', ended: 'c://3', left: 'c://4' } });
  expect(unrestarted(pod, record, { blacklist: ['left'] })).toEqual(['old']);
});

test('a pod is used again only when it is Ready, proved empty, and no recorded container runs on (R53, X30)', () => {
  const ids = fc.constantFrom('c://1', 'c://2', 'c://3');
  const states = fc.constantFrom<ContainerStatus['state']>({ running: {} }, { waiting: {} }, { terminated: { exitCode: 1 } });
  const statuses = fc.uniqueArray(fc.record({ name: fc.constantFrom('a', 'b', 'c'), containerID: ids, state: states }), { selector: ({ name }) => name });
  const containers = fc.dictionary(fc.constantFrom('a', 'b', 'c'), ids);
  fc.assert(
    fc.property(statuses, containers, fc.boolean(), fc.nat(5), fc.integer({ min: -100, max: 200 }), (found, recorded, ready, retryCount, seconds) => {
      const pod = podWith(found, ready ? {} : NOT_READY);
      const step = decide({ pod, record: recordOf({ containers: recorded, retryCount }), nowMs: at(seconds) });
      const isNew = ([name, id]: [string, string]) => found.some((status) => status.name === name && status.containerID !== id && status.state?.running !== undefined);
      const restarted = ready && Object.keys(recorded).length > 0 && Object.entries(recorded).every(isNew);
      expect(step.kind === 'reuse').toBe(restarted);
      if (step.kind === 'wait') expect(step.ms).toBeLessThanOrEqual(DEFAULT_RESTART_CONFIG.retryIntervalMs);
      if (step.kind === 'attempt') expect(retryCount).toBeLessThan(DEFAULT_RESTART_CONFIG.maxRetries);
    }),
  );
});
