import { type Problem, showValue } from '../../src/schema/errors';
import { isRecord } from '../../src/schema/validation';

/** A privilege that the template of a pool asks for and does not get. @param path within the template */
export function refused(path: string, expected: string, got: unknown): Problem {
  return { path: `template.${path}`, expected: `${expected} (pools.allow_privileged is off)`, got: showValue(got) };
}

/** The object that a value of a template is; an empty one for another. */
export const recordOf = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});
/** The list that a value of a template is; an empty one for another. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
/** Whether something is there: Kubernetes takes null, and what it has for nothing, as absent. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '' && value !== 0;
