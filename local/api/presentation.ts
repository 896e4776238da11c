import type { JsonObject } from './json';

/**
 * How a client wants objects to be shown: as they are, as rows for `kubectl get`, or by their metadata alone.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
 */
export type Presentation = 'objects' | 'table' | 'metadata' | 'metadataList';

/** Kinds of `meta.k8s.io` that an answer may be asked for as. */
const PRESENTATION_BY_KIND: Readonly<Record<string, Presentation>> = { Table: 'table', PartialObjectMetadata: 'metadata', PartialObjectMetadataList: 'metadataList' };

/** Reads the Accept header; of the forms it names, the first that is served counts, and when none is, objects are shown as they are. */
export function parsePresentation(accept: string | undefined): Presentation {
  for (const form of (accept ?? '').split(',')) {
    const { as, v, g } = parametersOf(form);
    if (as === undefined) return 'objects';
    const presentation = PRESENTATION_BY_KIND[as];
    if (presentation !== undefined && v === 'v1' && g === 'meta.k8s.io') return presentation;
  }
  return 'objects';
}

/** An object by its metadata alone. */
export function toMetadata({ metadata }: JsonObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}

/** A list of objects by their metadata alone; without objects Kubernetes writes null for its items, unlike for those of other lists. */
export function toMetadataList(objects: readonly JsonObject[], metadata: JsonObject): JsonObject {
  return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: objects.length === 0 ? null : objects.map(toMetadata) };
}

function parametersOf(form: string): Readonly<Record<string, string | undefined>> {
  const pairs = form.split(';').slice(1).map((pair): [string, string] => {
    const [name = '', value = ''] = pair.trim().split('=');
    return [name, value];
  });
  return Object.fromEntries(pairs);
}
