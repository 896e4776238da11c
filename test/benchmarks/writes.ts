import type { AuditedRequest } from '../cluster/audit';

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Writes by what they do, such as `patch batchsandboxes/status`, with their number. */
export type Writes = Readonly<Record<string, number>>;

/** Counts the writes of some users, refused ones among them: these carry ` refused`. */
export function countWrites(requests: readonly AuditedRequest[], users: readonly string[]): Writes {
  const counts: Record<string, number> = {};
  for (const { user, verb, resource, subresource, code } of requests) {
    if (!WRITES.has(verb) || !users.includes(user)) continue;
    const key = `${verb} ${resource}${subresource === '' ? '' : `/${subresource}`}${code > 299 ? ' refused' : ''}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** All writes but those of Events, which only tell, and of the status of Pools, which many batches share. */
export function deliveryWrites(writes: Writes): number {
  return Object.entries(writes).reduce((sum, [key, count]) => (key.includes(' events') || key.includes(' pools') ? sum : sum + count), 0);
}
