import { planVictims } from '../../../operator/pool/victims';
import { poolPod, templateRevision } from '../../../operator/pool/template';
import type { PodTemplateSpec } from '../../../src/schema/kubernetes';
import { podOf } from '../../support/builders';

const template: PodTemplateSpec = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'main', image: 'a' }] } };

describe('templateRevision', () => {
  test('does not follow the order of keys (R66)', () => {
    const turned: PodTemplateSpec = { spec: { containers: [{ image: 'a', name: 'main' }] }, metadata: { labels: { app: 'x' } } };
    expect(templateRevision(turned)).toBe(templateRevision(template));
  });

  test.each<[string, PodTemplateSpec]>([
    ['an image', { ...template, spec: { containers: [{ name: 'main', image: 'b' }] } }],
    ['a label', { ...template, metadata: { labels: { app: 'y' } } }],
    ['the order of containers', { ...template, spec: { containers: [{ name: 'other' }, { name: 'main', image: 'a' }] } }],
  ])('changes with %s', (_name, changed) => {
    expect(templateRevision(changed)).not.toBe(templateRevision(template));
  });

  test('is 16 hex characters', () => expect(templateRevision(template)).toMatch(/^[0-9a-f]{16}$/));
});

describe('poolPod', () => {
  const always = (value: number) => ({ random: () => value, isTaken: () => false });
  const poolNamed = (name: string) => ({
    metadata: { name, namespace: 'ns', uid: 'pool-uid' },
    spec: { template, capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 0 } },
  });

  test('carries template, labels and owner, and a name of its own', () => {
    expect(poolPod(poolNamed('warm'), always(0), (spec) => spec)).toEqual({
      metadata: {
        name: 'warm-bbbbb',
        namespace: 'ns',
        labels: { app: 'x', 'sandbox.opensandbox.io/pool-name': 'warm', 'sandbox.opensandbox.io/pool-revision': templateRevision(template) },
        ownerReferences: [
          { apiVersion: 'sandbox.opensandbox.io/v1alpha1', kind: 'Pool', name: 'warm', uid: 'pool-uid', controller: true, blockOwnerDeletion: true },
        ],
      },
      spec: template.spec,
    });
  });

  test('is completed, while its revision stays that of the template', () => {
    const { spec, metadata } = poolPod(poolNamed('warm'), always(0), (own) => ({ ...own, completed: true }));
    expect(spec).toEqual({ ...template.spec, completed: true });
    expect(metadata.labels?.['sandbox.opensandbox.io/pool-revision']).toBe(templateRevision(template));
  });

  test('gets no name that another pod is known to have', () => {
    const drawn = [0, 0, 0, 0, 0, 0.99, 0.99, 0.99, 0.99, 0.99];
    const names = { random: () => drawn.shift() ?? 0.5, isTaken: (name: string) => name === 'warm-bbbbb' };
    expect(poolPod(poolNamed('warm'), names, (spec) => spec).metadata.name).toBe('warm-99999');
  });

  test('keeps to 63 characters for the longest pool name', () => {
    expect(poolPod(poolNamed('p'.repeat(63)), always(0.999), (spec) => spec).metadata.name).toHaveLength(63);
  });
});

test('shrinking takes pods that are not Ready first, then old revisions, then the newest (R62)', () => {
  const pods = [
    podOf('p', 'oldest', { createdAt: '2026-01-01T00:00:01Z' }),
    podOf('p', 'newest', { createdAt: '2026-01-01T00:00:09Z' }),
    podOf('p', 'outdated', { createdAt: '2026-01-01T00:00:02Z', revision: 'r0' }),
    podOf('p', 'unready', { createdAt: '2026-01-01T00:00:03Z', ready: false }),
  ];
  expect(planVictims(pods, 3, 'r1').map((pod) => pod.name)).toEqual(['unready', 'outdated', 'newest']);
});
