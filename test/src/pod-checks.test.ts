import { App, Chart } from 'cdk8s';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchSandboxFleet, PodTemplate } from '../../src';
import { checkPodTemplate } from '../../src/pod-checks';
import { Problems } from '../../src/problems';
import { problemsOf } from '../support/synth';

const container = { name: 'main', image: 'busybox' };

afterEach(() => jest.restoreAllMocks());

test('refuses two volumes of one name', () => {
  const volumes = [{ name: 'a', emptyDir: {} }, { name: 'b', emptyDir: {} }, { name: 'a', hostPath: { path: '/' } }];
  const template = PodTemplate.fromSpec({ containers: [container], volumes });
  expect(problemsOf((chart) => new BatchSandboxFleet(chart, 'fleet', { template }))).toEqual([
    "BatchSandboxFleet 'web/fleet': template.spec.volumes[2].name: expected a name that no other volume of the pod has, got 'a'",
  ]);
});

test('prints each misspelled field of a pod and of a patch once, and writes the manifests', () => {
  const warnings: unknown[] = [];
  jest.spyOn(console, 'warn').mockImplementation((text) => warnings.push(text));
  const outdir = mkdtempSync(join(tmpdir(), 'sandboxes-synth-'));
  const app = new App({ outdir });
  const template = PodTemplate.fromSpec({ containers: [{ ...container, comand: ['ls'] }] });
  new BatchSandboxFleet(new Chart(app, 'web'), 'fleet', { template, shardPatches: [{ spec: { nodeNam: 'n' } }] });
  new Chart(app, 'other');
  app.synth();
  rmSync(outdir, { recursive: true });
  expect(warnings).toEqual([
    "warning: BatchSandboxFleet 'web/fleet': template.spec.containers[0]: expected fields that Kubernetes has, got 'comand'; did you mean 'command'?",
    "warning: BatchSandboxFleet 'web/fleet': shardPatches[0].spec: expected fields that Kubernetes has, got 'nodeNam'; did you mean 'nodeName'?",
  ]);
});

test('a template that contains itself is one problem', () => {
  const problems = new Problems();
  const spec: Record<string, unknown> = { containers: [container] };
  spec.affinity = { nodeAffinity: spec };
  const metadata = { ownerReferences: [] as unknown[] };
  metadata.ownerReferences.push(metadata);
  checkPodTemplate(problems, { metadata, spec });
  expect(problems.all).toEqual([{ path: 'template', expected: 'plain data that does not contain itself', got: 'an object', fix: undefined }]);
  expect(problems.warnings).toEqual([]);
});
