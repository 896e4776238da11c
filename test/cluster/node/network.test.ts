import { layOut, linkName, usedBlocks } from './network';

test('a block has room for the Services, the node and its pods, and each is apart from the others', () => {
  expect(layOut(0)).toEqual({ host: '10.0.0.1', node: '10.0.1.1', services: '10.0.0.0/24', pods: '10.0.4.0/22' });
  expect(layOut(4095)).toEqual({ host: '10.255.240.1', node: '10.255.241.1', services: '10.255.240.0/24', pods: '10.255.244.0/22' });
});

test.each([
  { route: 'to an address', destinations: ['10.0.17.3'], blocks: [1] },
  { route: 'to a range inside a block', destinations: ['10.1.4.0/22'], blocks: [16] },
  { route: 'to several blocks', destinations: ['10.0.32.0/19'], blocks: [2, 3] },
  { route: 'to far more than a block, which goes on beside ours', destinations: ['10.0.0.0/8'], blocks: [] },
  { route: 'to elsewhere', destinations: ['default', '192.0.2.0/24', '110.0.0.1'], blocks: [] },
])('a route $route', ({ destinations, blocks }) => {
  expect([...usedBlocks(destinations)]).toEqual(blocks);
});

test('what a laid out block is routed to makes it used', () => {
  const { node, pods } = layOut(300);
  expect([...usedBlocks([node, pods])]).toEqual([300]);
});

test('the name of a link is short enough for Linux, and differs from cluster to cluster', () => {
  expect([linkName('1-2-aaaaaaaa-3-0123abcd'), linkName('1-2-aaaaaaaa-3-0123abce')]).toEqual(['cs-0123abcd', 'cs-0123abce']);
});
