/**
 * Syntax rules of Kubernetes that no schema of ours covers, because they concern metadata.
 *
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
 */

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL_TEXT = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const DATA_KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
/** Sentence for {@link isDnsLabel}. */
export const DNS_LABEL_SENTENCE = 'a DNS label (at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit)';

/** Whether `value` is a DNS label, the form of most names. */
export function isDnsLabel(value: unknown): value is string {
  return typeof value === 'string' && DNS_LABEL.test(value);
}

/** Whether `value` is a DNS subdomain: labels joined by dots, at most 253 characters. */
export function isDnsSubdomain(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 253 && DNS_SUBDOMAIN.test(value);
}

/** Whether `value` can be the value of a label; it may be empty. */
export function isLabelValue(value: unknown): value is string {
  return typeof value === 'string' && (value === '' || LABEL_TEXT.test(value));
}

/** Whether `value` can be a key of a ConfigMap or Secret and the name of its file; one that begins with a dot is refused too. */
export function isDataKey(value: unknown): value is string {
  return typeof value === 'string' && DATA_KEY.test(value);
}

/** Sentence for {@link isDataKey}. */
export const DATA_KEY_SENTENCE = 'a key (letters, digits, -, _ and ., not beginning with a dot)';

/** Whether `key` can be the key of a label or annotation: a name, or a DNS subdomain, a slash and a name. */
export function isQualifiedName(key: string): boolean {
  const [name = '', prefix, ...rest] = key.split('/').reverse();
  return rest.length === 0 && LABEL_TEXT.test(name) && (prefix === undefined || isDnsSubdomain(prefix));
}
