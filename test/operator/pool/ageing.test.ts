import { planAgeing } from '../../../operator/pool/ageing';
import { podOf } from '../../support/builders';

const HOUR_MS = 3_600_000;
/** A pod that lives for an hour, or for another time, and ends so many seconds after 0. */
const mortal = (name: string, endsIn: number, lifeMs = HOUR_MS) => podOf('pool', name, { deadline: { endsAt: endsIn * 1000, lifeMs } });
const names = (pods: readonly { readonly name: string }[]) => pods.map(({ name }) => name);

test.each([
  ['no pod has an end', [podOf('pool', 'p')], { spent: [], ageing: [], checkInMs: undefined }],
  ['a pod has long to live', [mortal('p', 600)], { spent: [], ageing: [], checkInMs: 510_000 }],
  ['a pod begins to age 30 s before it may not be given out', [mortal('p', 90)], { spent: [], ageing: ['p'], checkInMs: 30_000 }],
  ['a pod with too little left', [mortal('p', 60)], { spent: ['p'], ageing: [], checkInMs: undefined }],
  ['a pod past its end', [mortal('p', -5)], { spent: ['p'], ageing: [], checkInMs: undefined }],
  ['the next look is at the soonest of all', [mortal('a', 60), mortal('b', 80), mortal('c', 120)], { spent: ['a'], ageing: ['b'], checkInMs: 20_000 }],
  ['a short life is used for its first half and longer', [mortal('p', 40, 60_000)], { spent: [], ageing: ['p'], checkInMs: 10_000 }],
  ['a fresh pod of a short life does not age', [mortal('p', 60, 60_000)], { spent: [], ageing: [], checkInMs: 15_000 }],
  ['a timer is never longer than an hour', [mortal('p', 99_999)], { spent: [], ageing: [], checkInMs: HOUR_MS }],
])('%s (S23)', (_name, pods, want) => {
  const { spent, ageing, checkInMs } = planAgeing(pods, 60_000, 0);
  expect({ spent: names(spent), ageing: names(ageing), checkInMs }).toEqual(want);
});
