import { randomInt, randomUUID } from 'node:crypto';
import type { Clock } from '../../src/program/clock';

/** What time and chance give to the API server; arguments, so that a test can hold them still, or repeat a history exactly. */
export interface Sources {
  readonly clock: Pick<Clock, 'now' | 'setTimer'>;
  /** Number from 0 up to 1. */
  readonly random: () => number;
  readonly newUid: () => string;
  /** Five characters that make a name of a generateName. */
  readonly newSuffix: () => string;
  /** Runs the task soon, after what is under way; the returned function cancels it. */
  readonly soon: (task: () => void) => () => void;
}

/** Names that generateName ends in: without vowels and look-alikes, as Kubernetes does it. */
const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** Chance and turns of this process, with the time of `clock`. */
export function systemSources(clock: Sources['clock']): Sources {
  return {
    clock,
    random: Math.random,
    newUid: randomUUID,
    newSuffix: () => Array.from({ length: 5 }, () => SUFFIX_ALPHABET[randomInt(SUFFIX_ALPHABET.length)]).join(''),
    soon: (task) => {
      const turn = setImmediate(task);
      return () => clearImmediate(turn);
    },
  };
}
