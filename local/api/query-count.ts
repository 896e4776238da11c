import { badRequest } from './api-error';

/** A whole number of the query, 0 when absent or negative. @throws ApiError 400 */
export function parseCount(query: URLSearchParams, name: string): number {
  const count = Number(query.get(name) ?? 0);
  if (!Number.isInteger(count)) throw badRequest(`invalid ${name} ${JSON.stringify(query.get(name))}: expected a whole number`);
  return Math.max(0, count);
}
