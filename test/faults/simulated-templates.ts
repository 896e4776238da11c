import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import { EXECUTOR_CONTAINER } from '../../src/schema/names';
import { taskCommand } from './executors';
import type { Image } from './nodes';
import type { TaskSpec } from './operations';

/** Template of pods that are simulated, or whose executor is. */
export function templateOf(image: Image, version: number): PodTemplateSpec {
  return {
    spec: {
      terminationGracePeriodSeconds: 5,
      containers: [
        { name: 'main', image: `${image}:${version}` },
        { name: EXECUTOR_CONTAINER, image: 'executor' },
      ],
    },
  };
}

/** The members of a batch's spec that ask for a simulated task. */
export function taskFields({ seconds, exitCode, manner, badSlot }: TaskSpec): object {
  return {
    taskTemplate: { spec: { process: { command: taskCommand(seconds, exitCode, manner) } } },
    ...(badSlot !== undefined && { shardTaskPatches: Array.from({ length: badSlot + 1 }, (_, slot) => (slot === badSlot ? { spec: { process: { command: [] } } } : null)) }),
  };
}
