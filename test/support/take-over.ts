import type { Target } from './target';
import { until } from './waiting';

// Tests of several files share the operator of the real cluster, and some of them kill it. Almost nothing that is tested may show that; these are for the rest.

/** A cluster whose operator others may end, or not. */
export type SharedOperator = Pick<Target, 'tookOverAt'>;

/** Since when one operator has been there to act on what happened at `ms`, in ms since 1970: for times that a rule gives it. */
export async function actingSince(target: SharedOperator, ms: number): Promise<number> {
  return Math.max(ms, (await target.tookOverAt?.()) ?? 0);
}

/** Whether another operator has taken over since `ms`, in ms since 1970, and with that whether what the one before it had in memory may be lost. */
export async function tookOverSince(target: SharedOperator, ms: number): Promise<boolean> {
  return (await actingSince(target, ms)) > ms;
}

/**
 * Waits until a check of some work passes that holds only if one operator has done it all: of the number of writes or events that it took, or of a time that
 * is shorter than a take-over. If it does not, and another operator has taken over since the work began, all is done once more, from the beginning.
 *
 * @throws what `check` threw last, when no operator took over
 */
export async function undisturbed<T>(target: SharedOperator, work: () => Promise<T>, check: (done: T) => void | Promise<void>, withinMs?: number): Promise<void> {
  const beganAt = Date.now();
  const done = await work();
  const isRight = await until(async () => {
    try {
      await check(done);
      return true;
    } catch (error) {
      if (!(await tookOverSince(target, beganAt))) throw error;
      return false;
    }
  }, withinMs);
  if (!isRight) await undisturbed(target, work, check, withinMs);
}
