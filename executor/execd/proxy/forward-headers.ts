import { ExecdHeader } from '../../../src/schema/execd-api';

/** Headers that are about one connection, and not about what is forwarded. @see RFC 9110 section 7.6.1 */
const OF_CONNECTION: readonly string[] = ['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/** What callers say to us alone, keys above all. */
const OURS: readonly string[] = [ExecdHeader.accessToken, ExecdHeader.lifecycleKey, ExecdHeader.taskUid];

/**
 * Headers that go on, as they came: names and values in turns.
 *
 * @param raw names and values in turns
 * @param others names of further ones that do not, in small letters
 */
export function forwardedHeaders(raw: readonly string[], others: readonly string[] = []): string[] {
  const names = raw.filter((_text, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const named = raw.filter((_text, index) => index % 2 === 1 && names[(index - 1) / 2] === 'connection').flatMap((value) => value.toLowerCase().split(/\s*,\s*/));
  const dropped = new Set([...OF_CONNECTION, ...OURS, ...others, ...named]);
  return raw.filter((_text, index) => !dropped.has(names[Math.floor(index / 2)] ?? ''));
}
