import { z } from 'zod';

/** Answer of the diagnostics routes when a scope is asked for. */
export const diagnosticsReply = z
  .object({
    sandboxId: z.string(),
    kind: z.enum(['logs', 'events']),
    scope: z.string(),
    delivery: z.literal('inline'),
    contentType: z.literal('text/plain'),
    content: z.string(),
    contentLength: z.int().describe('Bytes of the content.'),
    truncated: z.boolean(),
  })
  .meta({ id: 'Diagnostics' });

export type DiagnosticsReply = z.output<typeof diagnosticsReply>;
