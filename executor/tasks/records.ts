import * as z from 'zod/mini';
import { executorProcess, TASK_NAME, TERMINATED_REASONS } from '../../src/schema/executor-api';
import { lazy } from '../../src/schema/lazy';
import { RECORD_VERSION } from './runner-protocol';

const version = lazy(() => z.literal(RECORD_VERSION));
const instant = lazy(() => z.iso.datetime());

const identity = lazy(() =>
  z.strictObject({
    pid: z.int().check(z.minimum(1)),
    startTime: z.int().check(z.minimum(0)),
    bootId: z.string().check(z.minLength(1)),
  }),
);

/** What to run. `runner` is absent as long as nothing has been started for it. */
export const taskRecord = lazy(() =>
  z.strictObject({
    version: version(),
    /** Value of SANDBOX_TASK_ID: another one for every acceptance, also under a name that was used before. */
    id: z.string().check(z.minLength(1)),
    name: z.string().check(z.regex(TASK_NAME)),
    uid: z.optional(z.string()),
    process: executorProcess(),
    acceptedAt: instant(),
    /** Counts acceptances, over restarts too: their order, which no clock tells that is set back or too coarse. */
    sequence: z._default(z.int().check(z.minimum(0)), 0),
    runner: z.optional(identity()),
  }),
);
export type TaskRecord = z.output<ReturnType<typeof taskRecord>>;

/** The first process of the task. */
export const processRecord = lazy(() => z.strictObject({ version: version(), leader: identity(), startedAt: instant() }));
export type ProcessRecord = z.output<ReturnType<typeof processRecord>>;

/** How the task ended. */
export const exitRecord = lazy(() =>
  z
    .strictObject({
      version: version(),
      /** The task's id again, so that a file in a wrong place proves nothing. */
      id: z.string(),
      exitCode: z.int().check(z.minimum(0), z.maximum(255)),
      signal: z.optional(z.int().check(z.minimum(1))),
      reason: z.enum(TERMINATED_REASONS),
      message: z.optional(z.string()),
      startedAt: z.optional(instant()),
      finishedAt: instant(),
    })
    .check(z.refine(({ exitCode, reason }) => (exitCode === 0) === (reason === 'Succeeded'), 'only success has exit code 0')),
);
export type ExitRecord = z.output<ReturnType<typeof exitRecord>>;

/** A record from its text; undefined when it is cut short, of another version, or anything else (rule 2). */
export function readRecord<T>(schema: z.ZodMiniType<T>, text: string): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
