import type { PoolPredicateName } from '../../src/schema/assign-profile';
import { selectsNode } from './node-selector';
import type { PoolOffer, PoolRequest } from './offer';
import type { AssignProfile } from './profile';

/** A condition that a Pool has to fulfil: why it does not, in a few words, or `undefined` when it does. */
type Predicate = (request: PoolRequest, offer: PoolOffer, profile: AssignProfile) => string | undefined;

const PREDICATES: Readonly<Record<PoolPredicateName, Predicate>> = {
  image: ({ template }, offer) => {
    const hasImage = template === undefined || [...template.images].some((image) => offer.template.images.has(image));
    return hasImage ? undefined : 'no image in common';
  },
  resource: ({ template }, offer) => {
    const short = [...(template?.requests ?? [])].find(([resource, amount]) => {
      const offered = offer.template.requests.get(resource);
      return offered === undefined || offered < amount;
    });
    return short === undefined ? undefined : `less ${short[0]} requested`;
  },
  nodeselector: ({ template }, offer) => {
    const holds = template === undefined || selectsNode(template, { ...offer.labels, ...offer.template.nodeSelector });
    return holds ? undefined : 'not for the nodes that it selects';
  },
  labelselector: (request, offer, { labelKeys }) => {
    const different = labelKeys.find((key) => !Object.hasOwn(request.labels, key) || !Object.hasOwn(offer.labels, key) || request.labels[key] !== offer.labels[key]);
    return different === undefined ? undefined : `no label ${different} in common`;
  },
};

/** Why a Pool does not suit a batch: the first predicate of the profile that does not hold (R75); `undefined` when all do. */
export function unsuitable(request: PoolRequest, offer: PoolOffer, profile: AssignProfile): string | undefined {
  for (const name of profile.predicates) {
    const reason = PREDICATES[name](request, offer, profile);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
