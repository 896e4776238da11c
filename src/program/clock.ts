/** Time as programs see it; tests pass a manual one. */
export interface Clock {
  /** Wall clock, for what people and other machines read. */
  now(): Date;
  /** Ms since an arbitrary start; never jumps, so every wait and age is measured by it. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts; the caller looks at the signal. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `callback` once after `ms`; the returned function cancels it. */
  setTimer(ms: number, callback: () => void): () => void;
}

/** Longest delay of a timer of Node, in ms; a longer one fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  // The first use of `performance` loads modules of Node for 2 to 4 ms, which the first command of a sandbox would wait for.
  monotonicMs: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1_000 + nanoseconds / 1_000_000;
  },
  sleep: (ms, signal) => sleepWith(systemClock, ms, signal),
  setTimer: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** `Clock.sleep` on top of `Clock.setTimer`. */
export function sleepWith(clock: Pick<Clock, 'setTimer'>, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.setTimer(ms, end);
    signal?.addEventListener('abort', end, { once: true });
  });
}
