import { trimObject, trimPod } from '../../../operator/kube/trim';
import type { Pod } from '../../../src/schema/kubernetes';
import { Annotation } from '../../../src/schema/names';

const metadata = { name: 'a', namespace: 'ns', uid: 'u', resourceVersion: '1', labels: { l: '1' }, finalizers: ['f'] };
const noise = { managedFields: [{ manager: 'kubectl' }] };

describe('trimObject', () => {
  test('drops what only servers read, and keeps every annotation, since all of them count against one limit', () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'x' };
    const object = { metadata: { ...metadata, ...noise, annotations }, spec: { replicas: 1 } };
    expect(trimObject(object)).toEqual({ metadata: { ...metadata, annotations }, spec: { replicas: 1 } });
  });
});

describe('trimPod', () => {
  test('keeps identity, node, phase, address, conditions, why containers do not run, and what tells that they restarted', () => {
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, ...noise, annotations: { big: 'x'.repeat(1_000), [Annotation.restartRecord]: '{}' }, deletionTimestamp: '2026-01-01T00:00:00Z' },
      spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'i' }] },
      status: {
        phase: 'Running',
        podIP: '10.0.0.1',
        startTime: '2026-01-01T00:00:00Z',
        conditions: [
          { type: 'Ready', status: 'False', reason: 'ContainersNotReady', lastTransitionTime: '2026-01-01T00:00:00Z' },
          { type: 'Initialized', status: 'True' },
        ],
        containerStatuses: [
          { name: 'main', ready: false, restartCount: 1, containerID: 'c://1', state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } },
          { name: 'side', ready: true, restartCount: 0, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } },
        ],
      },
    };
    expect(trimPod(pod)).toEqual({
      metadata: { ...metadata, annotations: { [Annotation.restartRecord]: '{}' }, deletionTimestamp: '2026-01-01T00:00:00Z' },
      spec: { nodeName: 'n1' },
      status: {
        phase: 'Running',
        podIP: '10.0.0.1',
        conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', lastTransitionTime: '2026-01-01T00:00:00Z' }],
        containerStatuses: [
          { name: 'main', ready: false, restartCount: 1, containerID: 'c://1', state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } },
          { name: 'side', ready: true, restartCount: 0, state: { running: {} } },
        ],
      },
    });
  });

  test('keeps the start of a pod whose life has an end (S23)', () => {
    const status = { phase: 'Running' as const, startTime: '2026-01-01T00:00:00Z' };
    expect(trimPod({ metadata, spec: { nodeName: 'n1', activeDeadlineSeconds: 600, containers: [] }, status })).toEqual({
      metadata,
      spec: { nodeName: 'n1', activeDeadlineSeconds: 600 },
      status,
    });
  });

  test('leaves a pod that is not scheduled without spec and status', () => {
    expect(trimPod({ metadata, spec: { containers: [] } })).toEqual({ metadata });
  });
});
