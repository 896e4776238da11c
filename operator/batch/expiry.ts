/** When a batch is to be looked at again for its end; a timer in Node ends after 24 days, and clocks are set. */
const LONGEST_WAIT_MS = 3_600_000;

/** Whether a batch is to be deleted now, and if not, in how many ms to ask again (R44, R45). */
export function planExpiry(expireTime: string | undefined, now: Date): { expired: boolean; checkInMs: number | undefined } {
  if (expireTime === undefined) return { expired: false, checkInMs: undefined };
  const leftMs = Date.parse(expireTime) - now.getTime();
  if (Number.isNaN(leftMs)) return { expired: false, checkInMs: undefined }; // no time at all: the check of the spec says so
  return leftMs <= 0 ? { expired: true, checkInMs: undefined } : { expired: false, checkInMs: Math.min(leftMs, LONGEST_WAIT_MS) };
}
