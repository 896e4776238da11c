import { AddressBlock } from '../../../local/nodes/address-block';

test('gives each pod an address of its own, apart from the one of the cluster', () => {
  const block = new AddressBlock(42);
  const addresses = Array.from({ length: 1_000 }, () => block.take());
  expect(new Set([...addresses, block.clusterAddress]).size).toBe(1_001);
  expect([addresses[0], addresses[253], addresses[254]]).toEqual(['127.42.1.1', '127.42.1.254', '127.42.2.1']);
});

test('gives a returned address again only after all others, and refuses when none is left', () => {
  const block = new AddressBlock(42);
  const addresses = Array.from({ length: 254 * 255 }, () => block.take());
  expect(() => block.take()).toThrow("pod address: expected a free one in 127.42.0.0/16, got none; delete some pods");
  block.release(addresses[7] ?? '');
  expect(block.take()).toBe('127.42.1.8');
});
