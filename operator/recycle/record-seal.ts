import { KeyObject, sign, type webcrypto } from 'node:crypto';
import type { RestartRecord } from './restart-record';

/** What the sealed text begins with: it is none that the same keys sign for executors, which has no line breaks. */
const PURPOSE = 'restart-record';

/**
 * Tells a restart record that an operator wrote from one that somebody else put into the annotation: who may edit pods could have one given out
 * that nobody has emptied, or keep it from coming back for ever.
 *
 * The seal is a signature by the key that also signs for executors. These signatures are the same each time, so one is checked by making it again.
 */
export class RecordSeal {
  private readonly keys: readonly KeyObject[];

  /** @param keys Ed25519 keys, the first of which seals; without any, every record counts, as there is nothing to know an operator by */
  constructor(keys: readonly webcrypto.CryptoKey[]) {
    this.keys = keys.map((key) => KeyObject.from(key));
  }

  /** The seal of a record of one pod; `undefined` without a key. */
  of(podUID: string, record: RestartRecord): string | undefined {
    const [key] = this.keys;
    return key && seal(key, podUID, record);
  }

  /** Whether one of the keys has sealed a record for this pod. */
  holds(podUID: string, record: RestartRecord, found: string | undefined): boolean {
    return this.keys.length === 0 || this.keys.some((key) => seal(key, podUID, record) === found);
  }
}

function seal(key: KeyObject, podUID: string, { id, startTime, containers, lastRetryTime, retryCount }: RestartRecord): string {
  const byName = Object.entries(containers).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = [PURPOSE, podUID, JSON.stringify([id, startTime, byName, lastRetryTime, retryCount])].join('\n');
  return sign(null, Buffer.from(text), key).toString('base64url');
}
