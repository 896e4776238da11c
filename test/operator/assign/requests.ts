import type { PoolOffer, PoolRequest } from '../../../operator/assign/offer';
import { type TemplateFacts, templateFacts } from '../../../operator/assign/template-facts';
import { podTemplate } from '../../../src/schema/pod-template';

/** Facts of a template with these containers, as `image` or `[image, requests]`, and further fields of its spec. */
export function factsOf(containers: readonly (string | readonly [string, Record<string, string | number>])[], spec: object = {}): TemplateFacts {
  const written = containers.map((container, index) => {
    const [image, requests] = typeof container === 'string' ? [container, undefined] : container;
    return { name: `c${index}`, image, resources: { requests } };
  });
  return templateFacts(podTemplate.parse({ spec: { containers: written, ...spec } }));
}

/** A Pool named `p` of one container with image `python`, without requests and labels, unless told otherwise. */
export function offer(more: Partial<PoolOffer> = {}): PoolOffer {
  return { name: 'p', labels: {}, template: factsOf(['python']), allocated: 0, total: 0, ...more };
}

/** A batch of namespace `default` without labels and template, unless told otherwise. */
export function requestOf(more: Partial<PoolRequest> = {}): PoolRequest {
  return { namespace: 'default', labels: {}, ...more };
}
