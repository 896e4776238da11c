import { type ApiObject } from 'cdk8s';
import { isExecutorOptions, withExecutor } from './executor-sidecar';
import { checkPodTemplate } from './pod-checks';
import { PodTemplate } from './pod-template';
import { type Problems } from './problems';
import { type PodTemplateSpec } from './schema/kubernetes';

/** The pod that the props `template` and `executor` describe, as `owner` will hold it; undefined when there is no template. */
export function renderSandboxPod(
  problems: Problems,
  template: unknown,
  executor: unknown,
  owner: ApiObject,
): PodTemplateSpec | undefined {
  const pod = PodTemplate._render(problems, template, owner);
  if (pod !== undefined) {
    checkPodTemplate(problems, pod);
  }
  const hasExecutor = executor !== undefined && isExecutorOptions(problems, executor);
  return pod !== undefined && hasExecutor ? withExecutor(problems, pod, executor) : pod;
}
