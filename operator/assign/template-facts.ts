import type { NodeSelectorTerm, PodTemplateShape } from '../../src/schema/pod-template';
import { nanosOf } from '../../src/schema/quantity';

/** What the predicates read of a pod template. */
export interface TemplateFacts {
  /** Images of the containers. */
  readonly images: ReadonlySet<string>;
  /** Resource -> requests of all containers, in billionths of its unit. */
  readonly requests: ReadonlyMap<string, bigint>;
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Terms of the required node affinity, of which one has to hold; absent when there is none. */
  readonly nodeTerms?: readonly NodeSelectorTerm[];
}

/** Reads the facts of a template whose shape has been checked. Init containers are over when a sandbox is used, so they do not count. */
export function templateFacts({ spec }: PodTemplateShape): TemplateFacts {
  const requests = new Map<string, bigint>();
  for (const { resources } of spec.containers) {
    for (const [resource, amount] of Object.entries(resources?.requests ?? {})) {
      requests.set(resource, (requests.get(resource) ?? 0n) + (nanosOf(amount) ?? 0n));
    }
  }
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return {
    images: new Set(spec.containers.flatMap(({ image }) => image ?? [])),
    requests,
    nodeSelector: spec.nodeSelector ?? {},
    ...(required !== undefined && { nodeTerms: required.nodeSelectorTerms ?? [] }),
  };
}
