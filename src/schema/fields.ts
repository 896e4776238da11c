import { z } from 'zod';

/** Whole number from `min` to `max`; the bounds stand in the CRD too. */
export const int32 = (min = 0, max = 2147483647) => z.int32().min(min).max(max);

/** An instant in RFC 3339, such as `2026-12-31T23:59:59Z`. */
export const timestamp = () => z.iso.datetime({ offset: true });

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

/** Text of at most `max` characters; a rule in the CRD may read only bounded text. */
export const text = (max: number) => z.string().max(max);
