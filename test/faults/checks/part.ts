import type { KubeObject } from '../../../src/schema/kubernetes';
import type { SentRequest, StoredChange } from './evidence';

/** Tells of a broken rule. */
export type Report = (rule: string, message: string) => void;

/** One subject of what must hold at every moment. */
export interface SafetyPart {
  /**
   * A change was stored.
   *
   * @param before the object as it was before; undefined for a new one
   */
  observe?(change: StoredChange, before: KubeObject | undefined): void;
  /** An operator is about to have a request served. */
  judgeRequest?(request: SentRequest): void;
  /** An operator asks the executor of a pod. */
  judgeAsk?(podUID: string): void;
}
