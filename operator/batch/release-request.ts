import { Annotation } from '../../src/schema/names';
import { formatProblem, showKind } from '../../src/schema/errors';

/** What a user asks to have given back (R22). */
export interface ReleaseRequest {
  /** Names of pods; the batch need not hold them. */
  readonly pods: ReadonlySet<string>;
  /** What cannot be read; it asks for nothing (R126). */
  readonly problem?: string;
}

/** Reads annotation `alloc-release`. Never throws, and quotes nothing of it. */
export function parseReleaseRequest(text: string | undefined): ReleaseRequest {
  if (text === undefined) return { pods: new Set() };
  const pods = readPods(text);
  const names = namesIn(pods);
  if (Array.isArray(pods) && names.length === pods.length) return { pods: new Set(names) };
  const got = pods === undefined ? 'something else' : Array.isArray(pods) ? 'other items' : showKind(pods);
  const path = `metadata.annotations['${Annotation.allocRelease}']`;
  return { pods: new Set(names), problem: formatProblem({ path, expected: '{"pods":[<names>]}', got, fix: 'what cannot be read is ignored' }) };
}

/** Names of pods in an annotation of the form `{"pods":[...]}`, in order; none where it is absent or cannot be read. */
export function podNamesIn(text: string | undefined): readonly string[] {
  return namesIn(readPods(text ?? ''));
}

function namesIn(pods: unknown): string[] {
  return Array.isArray(pods) ? pods.filter((name) => typeof name === 'string') : [];
}

function readPods(text: string): unknown {
  try {
    return (JSON.parse(text) as { readonly pods?: unknown } | null)?.pods;
  } catch {
    return undefined;
  }
}
