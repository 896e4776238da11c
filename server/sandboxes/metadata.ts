import type { Problem } from '../../src/schema/errors';
import { showValue } from '../../src/schema/errors';

/** Domains whose keys belong to Kubernetes, the operator and the server (L11). */
const RESERVED_DOMAINS = ['opensandbox.io', 'kubernetes.io', 'k8s.io'];
/** Most pairs of metadata of a sandbox. */
const MAX_METADATA = 64;

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const DOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Whether a label is of Kubernetes, the operator or the server, so that callers neither see nor set it. */
export function isReserved(key: string): boolean {
  const domain = key.includes('/') ? (key.split('/')[0] ?? '').toLowerCase() : '';
  return RESERVED_DOMAINS.some((reserved) => domain === reserved || domain.endsWith(`.${reserved}`));
}

/** What is wrong with metadata that becomes labels; null stands for a key to remove. */
export function metadataProblems(metadata: Readonly<Record<string, string | null>>): { readonly reserved: Problem[]; readonly malformed: Problem[] } {
  const reserved: Problem[] = [];
  const malformed: Problem[] = [];
  const entries = Object.entries(metadata);
  if (entries.length > MAX_METADATA) malformed.push({ path: 'metadata', expected: `at most ${MAX_METADATA} pairs`, got: String(entries.length) });
  for (const [key, value] of entries) {
    const path = `metadata[${showValue(key)}]`;
    if (isReserved(key)) reserved.push({ path, expected: `a key outside ${RESERVED_DOMAINS.join(', ')} and their subdomains`, got: showValue(key) });
    else if (!isLabelKey(key)) malformed.push({ path, expected: 'a label key: at most 63 of letters, digits, -, _ and ., with an optional DNS name and / before them', got: showValue(key) });
    if (value !== null && !VALUE.test(value)) malformed.push({ path, expected: 'a label value: at most 63 of letters, digits, -, _ and ., beginning and ending with a letter or digit', got: showValue(value) });
  }
  return { reserved, malformed };
}

/** Labels that callers have set, of all labels of a sandbox. */
export function metadataOf(labels: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !isReserved(key)));
}

function isLabelKey(key: string): boolean {
  const [first = '', second, ...more] = key.split('/');
  if (second === undefined) return NAME.test(first);
  return more.length === 0 && first.length <= 253 && DOMAIN.test(first) && NAME.test(second);
}
