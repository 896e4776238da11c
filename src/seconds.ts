import { Duration } from 'cdk8s';
import { type Problems } from './problems';

/** A duration of the prop at `path` in whole seconds; undefined when it is absent or no such thing, which is a problem then. */
export function renderSeconds(problems: Problems, path: string, duration: unknown): number | undefined {
  if (duration === undefined) {
    return undefined;
  }
  if (!(duration instanceof Duration)) {
    problems.add(path, 'a Duration', duration, 'write Duration.minutes(5)');
    return undefined;
  }
  try {
    return duration.toSeconds();
  } catch {
    problems.add(path, 'whole seconds', duration.toHumanString());
    return undefined;
  }
}
