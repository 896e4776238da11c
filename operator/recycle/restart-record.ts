import { isRecord } from '../../src/schema/validation';
import { parseJson } from './parse-json';

/** What is known of the restart of a pod, in its annotation `restart-record`; it outlives the operator. */
export interface RestartRecord {
  /** UID of the batch that gave the pod back. */
  readonly id: string;
  /** Time of the first attempt, RFC 3339. */
  readonly startTime: string;
  /**
   * ID of each container that is to restart, by name, as it was before.
   *
   * Empty while the executor of the pod has not proved it empty: a record with containers says that it has.
   */
  readonly containers: Readonly<Record<string, string>>;
  /** Time of the last attempt, RFC 3339. */
  readonly lastRetryTime: string;
  /** Attempts after the first one. */
  readonly retryCount: number;
}

/** A record as the annotation has it. */
export interface SealedRecord {
  readonly record: RestartRecord;
  /** Says that an operator wrote it. @see record-seal.ts */
  readonly seal: string | undefined;
}

/** Text of the annotation. */
export function formatRestartRecord({ record, seal }: SealedRecord): string {
  return JSON.stringify({ ...record, seal });
}

/** Reads the record of a return; `undefined` for text that is none, or the record of another batch (R55). */
export function parseRestartRecord(text: string | undefined, giverUID: string): SealedRecord | undefined {
  const value = parseJson(text ?? '');
  if (!isRecord(value) || value.id !== giverUID) return undefined;
  const { startTime, containers, lastRetryTime, retryCount } = value;
  if (!isTime(startTime) || !isTime(lastRetryTime) || !isTexts(containers)) return undefined;
  if (typeof retryCount !== 'number' || !Number.isSafeInteger(retryCount) || retryCount < 0) return undefined;
  const seal = typeof value.seal === 'string' ? value.seal : undefined;
  return { record: { id: giverUID, startTime, containers, lastRetryTime, retryCount }, seal };
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function isTexts(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((item) => typeof item === 'string');
}
