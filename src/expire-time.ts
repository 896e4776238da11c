import { type Problems } from './problems';

/** `expireTime` in RFC 3339 and UTC, without a fraction when that is zero. Only the check reads the clock, never the output. */
export function renderExpireTime(problems: Problems, expireTime: unknown): string | undefined {
  if (expireTime === undefined) {
    return undefined;
  }
  if (!(expireTime instanceof Date) || Number.isNaN(expireTime.getTime())) {
    problems.add('expireTime', 'a valid Date', expireTime instanceof Date ? 'Invalid Date' : expireTime);
    return undefined;
  }
  const text = expireTime.toISOString().replace('.000Z', 'Z');
  if (expireTime.getTime() <= Date.now()) {
    problems.add('expireTime', 'a time in the future', text, 'the fleet would be deleted at once');
  }
  return text;
}
