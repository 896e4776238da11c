import { randomBytes } from 'node:crypto';

/** Header that carries the id of a request, both ways. */
export const REQUEST_ID = 'x-request-id';

/** The caller's own id when it is fit for logs and headers, else a new one (L40). */
export function requestIdOf(given: string | null | undefined): string {
  const id = given?.trim() ?? '';
  return /^[A-Za-z0-9._-]{1,128}$/.test(id) ? id : randomBytes(16).toString('hex');
}
