import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Port } from '../../src/schema/names';
import { isRecord } from '../../src/schema/validation';

/** Names of ExecdHeader.accessToken and ExecdHeader.taskUid as endpoints tell them. */
const ACCESS_TOKEN = 'X-EXECD-ACCESS-TOKEN';
const TASK_UID = 'X-EXECD-TASK-UID';

/** What a header can carry without a change on its way. */
const HEADER_VALUE = /^[!-~]+( +[!-~]+)*$/;

/** Headers that requests to the executor of a sandbox carry: endpoints tell them, and the proxy says them itself. */
export class ExecdHeaders {
  private token?: string;

  /** @param tokens as {@link replace} takes them; none: executors ask nobody for one */
  constructor(tokens: readonly string[] = []) {
    if (tokens.length > 0) this.replace(tokens);
  }

  /**
   * Puts other access tokens in force, of which the first is told: executors may know more of them.
   *
   * @throws Error when it is none that a header can carry; it does not show it
   */
  replace([token = '']: readonly string[]): void {
    if (!HEADER_VALUE.test(token)) throw new Error('access token: expected printable ASCII characters, got others');
    this.token = token;
  }

  /** By name; none for ports other than that of commands and files. */
  of(batch: BatchSandbox, port: number): Readonly<Record<string, string>> {
    if (port !== Port.execd) return {};
    const { uid = '' } = batch.metadata;
    return { ...(this.token !== undefined && { [ACCESS_TOKEN]: this.token }), ...(bringsVariables(batch) && { [TASK_UID]: uid }) };
  }
}

/**
 * Whether the sandbox gets variables by a task, which is sent after its address is published; so a command could be there before them.
 *
 * A task whose end is on record is not sent to another pod (R37), so nobody may wait for it.
 */
function bringsVariables({ spec, status }: BatchSandbox): boolean {
  const process = ['spec', 'process'].reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), spec.taskTemplate);
  const hasEnded = (status?.taskSucceed ?? 0) + (status?.taskFailed ?? 0) > 0;
  return isRecord(process) && Array.isArray(process.env) && process.env.length > 0 && !hasEnded;
}
