import { z } from 'zod';
import { text } from './fields';

/** Text that the system takes as an argument, a variable or a path: NUL would end it. Messages never show it (R135). */
const argument = (max = 131072) => text(max).regex(/^[^\0]*$/).meta({ expected: `text of at most ${max} characters without NUL`, secret: true });

/** One variable of a task's environment. What is no name may be name and value in one, so messages show neither. */
export const taskEnvVar = z
  .strictObject({
    name: text(256)
      .regex(/^[^=\0]+$/)
      .meta({ expected: "a name without '=' of 1 to 256 characters", secret: true }),
    value: argument().default(''),
  })
  .meta({ expected: '{name, value}', secret: true });

/** What a task runs. What stands in the place of a part of it may be a command with a password, so no message shows that (R135). */
export const taskProcess = z
  .strictObject({
    command: z
      .array(argument())
      .min(1)
      .describe('Program and first arguments; executed as it is, never through a shell.')
      .meta({ secret: true }),
    args: z.array(argument()).optional().describe('Appended to command.').meta({ secret: true }),
    env: z
      .array(taskEnvVar)
      .optional()
      .describe('Added to the environment of the sandbox; later entries win.')
      .meta({ expected: 'a list of {name, value}', secret: true }),
    workingDir: argument(4096).optional().describe('Directory of the task in the sandbox.'),
  })
  .meta({ secret: true });

/**
 * A task of a batch, complete: `taskTemplate` after the patch of its shard.
 *
 * The API server keeps `taskTemplate` without a schema; this one judges the merged result, in constructs and operator alike.
 */
export const taskTemplate = z.strictObject({
  metadata: z.record(z.string(), z.unknown()).optional(),
  spec: z
    .strictObject({
      process: taskProcess,
      timeoutSeconds: z.int().min(1).optional().describe('Longest run time in seconds; absent means no limit.'),
    })
    .meta({ secret: true }),
});

/** A task template as users write it. */
export type TaskTemplate = z.input<typeof taskTemplate>;
