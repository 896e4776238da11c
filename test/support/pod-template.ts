import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import { executorSettings } from '../../src/schema/executor-settings';
import { EXECUTOR_CONTAINER, Port } from '../../src/schema/names';

/** What a pod of a test is made of. */
export interface TemplateOptions {
  /** Whether the task executor runs beside the main container; the pod is then Ready when it answers. @default false */
  readonly executor?: boolean;
  /** Command of the main container. @default - sleeps */
  readonly command?: readonly string[];
  /** Environment of the main container. @default - none */
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  /** Labels of the pod. @default - none */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Images of a pod of a test. */
export interface TemplateImages {
  readonly main: string;
  readonly executor: string;
}

/** A template of pods that end a second after they are told to. */
export function renderPodTemplate(images: TemplateImages, { executor = false, command = ['sleep', 'infinity'], env = [], labels = {} }: TemplateOptions = {}): PodTemplateSpec {
  const main = { name: 'main', image: images.main, command, env };
  const taskExecutor = {
    name: EXECUTOR_CONTAINER,
    image: images.executor,
    env: [{ name: executorSettings.table.spareRunners.env, value: '0' }], // a spare one for each task would cost as much again; the seeds' manifests have it
    securityContext: { capabilities: { add: ['SYS_PTRACE'] } },
    startupProbe: { tcpSocket: { port: Port.executor }, periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { httpGet: { path: '/health', port: Port.executor }, timeoutSeconds: 10, periodSeconds: 10 }, // a busy node answers late
  };
  return {
    metadata: { labels },
    spec: {
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false, // a sandbox has no business with the API
      shareProcessNamespace: executor,
      containers: executor ? [main, taskExecutor] : [main],
    },
  };
}
