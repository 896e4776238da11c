import type { TemplateFacts } from './template-facts';

/** What a batch of `poolRef: "*"` asks for. */
export interface PoolRequest {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Absent: the batch has no template, and takes any. */
  readonly template?: TemplateFacts;
}

/** A Pool that can be chosen. */
export interface PoolOffer {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly template: TemplateFacts;
  /** Pods that batches hold or give back. */
  readonly allocated: number;
  /** All pods that are not terminating. */
  readonly total: number;
}

/** A Pool that cannot be chosen by anybody now. */
export interface PoolRefusal {
  readonly name: string;
  /** Why, in a few words, such as `being deleted`. */
  readonly refusal: string;
}
