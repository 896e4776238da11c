import { showValue } from '../../src/schema/errors';
import { LifecycleError } from '../lifecycle-error';

/**
 * The pairs of a metadata filter: `k=v&k2=v2` as one query value, whose parts may be encoded once more, as the Python SDK does.
 *
 * @throws LifecycleError INVALID_METADATA_FORMAT
 */
export function parseMetadataFilter(text: string | undefined): (readonly [string, string])[] {
  if (text === undefined || text === '') return [];
  return decoded(text).split('&').map((segment) => {
    const at = segment.indexOf('=');
    const key = decoded(segment.slice(0, Math.max(at, 0)));
    if (at === -1 || key === '') throw new LifecycleError('INVALID_METADATA_FORMAT', `metadata: expected k=v&k2=v2, got ${showValue(segment)}`);
    return [key, decoded(segment.slice(at + 1))] as const;
  });
}

/** Text without its percent encoding; as it is where that is malformed. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
