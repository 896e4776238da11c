import { ApiError, isQuotaRefusal } from './kube/api-error';

/** Names in one event: with the longest of them it stays within the 1,024 characters that a message may have. */
const MAX_NAMES = 12;

/** What Kubernetes says of a quota: `exceeded quota: <name>, requested: …`, or `failed quota: <name>: must specify …`. */
const QUOTA = /(exceeded|failed) quota(?:: ([^,:\s]+)(?:: ([^\n]+))?)?/;

/** Message of event `SuccessfulCreate`: one for a pass, and every pod in it by name as far as they fit (R5, ADR 0012). */
export function describeCreated(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  const listed = names.slice(0, MAX_NAMES).map((name) => `'${name}'`).join(', ');
  return `created ${names.length} pods: ${listed}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A pod that was not made, and why. */
export interface RefusedPod {
  readonly name: string;
  readonly reason: unknown;
}

/** Messages of event `FailedCreate`: one for each answer of the API server, with a pod that got it and how many did (R5, ADR 0012). */
export function describeRefused(refused: readonly RefusedPod[]): string[] {
  const byAnswer = new Map<string, string[]>();
  for (const { name, reason } of refused) {
    // The same refusal names another pod each time.
    const answer = (reason instanceof Error ? reason.message : String(reason)).replaceAll(name, '<name>');
    const names = byAnswer.get(answer);
    if (names === undefined) byAnswer.set(answer, [name]);
    else names.push(name);
  }
  return [...byAnswer].map(([answer, [first = '', ...others]]) => {
    const more = others.length === 0 ? '' : `, nor ${others.length} more, among them '${others[0] ?? ''}'`;
    return `pod '${first}' not created${more}: ${answer.replaceAll('<name>', first)}`;
  });
}

/**
 * How a quota keeps pods from being made, for a condition; undefined for an error that is no refusal by a quota.
 *
 * The same for every try, whatever pod it was of and however much others use meanwhile, so that a condition which says it is written once.
 */
export function describeQuota(error: unknown): string | undefined {
  if (!(error instanceof ApiError) || !isQuotaRefusal(error)) return undefined;
  const [, verb, name, rest] = QUOTA.exec(error.message) ?? [];
  const quota = name === undefined ? 'a quota' : `quota '${name}'`;
  return verb === 'failed'
    ? `${quota} of the namespace refuses its pods: ${rest ?? 'they do not say what they use'}`
    : `${quota} of the namespace is used up, so its pods are refused; raise it, or delete what uses it`;
}
