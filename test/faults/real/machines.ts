import type { ExecutorTask } from '../../../src/schema/executor-api';
import type { Pod } from '../../../src/schema/kubernetes';
import type { Violation } from '../checks/safety';
import type { Run } from '../executors';
import type { Stage } from '../stage';
import type { PlacedChange } from './change-watch';
import type { TaskMoment } from './chronicle';

/** Told of what becomes of a task; see {@link Happening} for the revision. */
export type TaskListener = (moment: TaskMoment, run: Run, revision: number, exitCode?: number) => void;

/** Whoever runs the pods and tasks of a real world: in this two such worlds differ. */
export interface Machines extends Pick<Stage, 'templateOf' | 'taskFields'> {
  /** Told of every change, after the chronicle has it. */
  observe(change: PlacedChange): void;
  /** A container of the pod ends. */
  fail(pod: Pod): void;
  /** The pod is not Ready for a while. */
  shake(pod: Pod, forMs: number): void;
  /** A container of the pod ends, and starts anew. */
  restartContainer(pod: Pod): void;
  /** The executor of a pod is dead for a while. */
  restart(podUID: string, downMs: number): void;
  /** Every run that has begun on the pods. */
  runsOn(podUIDs: ReadonlySet<string>): readonly Run[];
  /** Tasks that the executor of a pod holds. */
  tasksOf(podUID: string): readonly ExecutorTask[];
  /** Nothing goes wrong any more. */
  calm(): void;
  /** What is left of pods after all were deleted. */
  left(podUIDs: ReadonlySet<string>): readonly Violation[];
  close(): Promise<void>;
}
