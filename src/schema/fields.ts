import { z } from 'zod';

/** Whole number from `min` to `max`; the bounds stand in the CRD too. */
export const int32 = (min = 0, max = 2147483647) => z.int32().min(min).max(max);

/** A `metadata.generation`, as far as JavaScript counts exactly. */
export const generation = () => z.int().min(0);

/**
 * What the API server's own check of `date-time` lets pass and RFC 3339 does not: letters after the end, any sign before the fraction, an
 * offset of 99 hours. That a day exists is left to that check.
 */
const TIMESTAMP = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)$';

/** An instant in RFC 3339, such as `2026-12-31T23:59:59Z`. */
export const timestamp = () => z.iso.datetime({ offset: true }).meta({ pattern: TIMESTAMP });

/** A whole number or a percentage such as `25%`; int-or-string in the CRD. */
export const intOrPercent = () =>
  z
    .union([z.int32().min(0), z.string().max(16)])
    .meta({ intOrString: true, expected: 'a whole number of at least 0 or a percentage such as 25%' });

/**
 * An object that the API server keeps as it is: no schema, unknown fields kept.
 *
 * A wrong type inside it reaches the operator, which answers with condition `Accepted=False`.
 */
export const preserved = () => z.record(z.string(), z.unknown()).meta({ preserveUnknownFields: true });

/**
 * A pod template, of which the API server keeps every field.
 *
 * The schema of Kubernetes' own PodTemplateSpec is not put here, by measure (1.34): with its descriptions it takes 351 kB, and `kubectl apply`
 * refuses the CRD, since its copy of it in an annotation is above 262,144 bytes; without them it takes 58 kB and explains nothing. Either
 * would drop the fields of every newer Kubernetes.
 *
 * @param pods whose template it is
 * @param more what a change does, and what holds without one
 */
export const podTemplateField = (pods: string, more: string) =>
  preserved()
    .optional()
    .describe(
      `Template of ${pods}: metadata (labels, annotations, finalizers) and spec, as in a Deployment. Every field of Kubernetes is kept; ` +
        `"kubectl explain pod.spec" describes them. One that no pod can be made from sets condition Accepted to False. ${more}`,
    );

/** Text of at most `max` characters; a rule in the CRD may read only bounded text. */
export const text = (max: number) => z.string().max(max);
