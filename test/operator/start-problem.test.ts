import { startProblem } from '../../operator/start-problem';
import type { PodStatus } from '../../src/schema/kubernetes';

const problemOf = (status?: PodStatus) => startProblem({ metadata: { name: 'p' }, status });
const waiting = (reason: string, message?: string): PodStatus => ({ phase: 'Pending', containerStatuses: [{ name: 'main', state: { waiting: { reason, message } } }] });

test.each<[string, PodStatus | undefined, ReturnType<typeof problemOf>]>([
  ['a pod without a status', undefined, undefined],
  ['a container that is being made', waiting('ContainerCreating'), undefined],
  ['an image that cannot be pulled', waiting('ErrImagePull', 'not found'), { reason: 'ImagePull', message: "container 'main': not found" }],
  ['a name that no image has', waiting('InvalidImageName'), { reason: 'ImagePull', message: "container 'main': InvalidImageName" }],
  ['a container that crashes', waiting('CrashLoopBackOff', 'back-off 10s'), { reason: 'PodsFailing', message: "container 'main': back-off 10s" }],
  [
    'an init container that crashes',
    { phase: 'Pending', initContainerStatuses: [{ name: 'prepare', state: { waiting: { reason: 'CrashLoopBackOff' } } }] },
    { reason: 'PodsFailing', message: "container 'prepare': CrashLoopBackOff" },
  ],
  [
    'a pod that no node takes',
    { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' }] },
    { reason: 'Unschedulable', message: '0/3 nodes are available' },
  ],
  ['a pod that waits for its turn at the scheduler', { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }, undefined],
  [
    'a pod whose container ended',
    { phase: 'Failed', containerStatuses: [{ name: 'main', state: { terminated: { exitCode: 3 } } }] },
    { reason: 'PodsFailing', message: "it ended in phase Failed: container 'main' ended with exit code 3" },
  ],
  ['a pod that its node refused', { phase: 'Failed', reason: 'OutOfpods', message: 'no room' }, { reason: 'PodsFailing', message: 'it ended in phase Failed: no room' }],
  ['a pod that ended well', { phase: 'Succeeded' }, { reason: 'PodsFailing', message: 'it ended in phase Succeeded' }],
])('%s', (_name, status, want) => {
  expect(problemOf(status)).toEqual(want);
});
