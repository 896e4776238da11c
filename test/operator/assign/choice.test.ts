import { planChoice } from '../../../operator/assign/choice';
import { BUILT_IN_PROFILE } from '../../../operator/assign/profile';
import { factsOf, offer, requestOf } from './requests';

const request = requestOf({ template: factsOf(['python']) });
const chosen = (...pools: Parameters<typeof planChoice>[1]) => planChoice(request, pools, BUILT_IN_PROFILE);

test('the highest score wins (R73)', () => {
  const choice = chosen(offer({ name: 'a', allocated: 2, total: 4 }), offer({ name: 'b', allocated: 1, total: 4 }), offer({ name: 'c', allocated: 3, total: 4 }));
  expect(choice).toEqual({ poolName: 'b', message: "chose Pool 'b', the best of 3 that suit" });
});

test('of equals the smaller name wins, by its characters (R73)', () => {
  const names = ['b', 'a-10', 'a-9', 'c'];
  expect(chosen(...names.map((name) => offer({ name, allocated: 1, total: 3 }))).poolName).toBe('a-10');
});

test('a Pool that is refused or does not suit is not chosen, whatever its score (R73)', () => {
  const other = offer({ name: 'a', template: factsOf(['ruby']), allocated: 0, total: 9 });
  expect(chosen(other, { name: 'b', refusal: 'being deleted' }, offer({ name: 'c', allocated: 9, total: 9 })).poolName).toBe('c');
});

test('without one that suits, it is told why, each reason once (R73)', () => {
  const others = ['e', 'd', 'c', 'b'].map((name) => offer({ name, template: factsOf(['ruby']) }));
  expect(chosen(...others, { name: 'a', refusal: 'not accepted' })).toEqual({
    message: "no Pool in namespace 'default' suits: 'a' (not accepted); 'b', 'c', 'd' and 1 more (no image in common)",
  });
  expect(chosen()).toEqual({ message: "no Pool in namespace 'default'" });
});
