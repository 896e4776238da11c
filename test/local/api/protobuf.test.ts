import { decodeObject } from '../../../local/api/protobuf';

/** One field with bytes in it, as protobuf writes it. */
const field = (number: number, content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
};

const body = (apiVersion: string, kind: string, ...raw: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from('k8s\0'), field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])), field(2, Buffer.concat(raw)), field(3, ''), field(4, '')]);

test('texts, maps, bytes and numbers are read; what Go writes for nothing is left out', () => {
  const metadata = field(1, Buffer.concat([field(1, 's'), field(2, ''), Buffer.from([7 << 3, 0]), field(8, '')]));
  const data = field(2, Buffer.concat([field(1, 'key'), field(2, 'value')]));
  expect(decodeObject(body('v1', 'Secret', metadata, data, field(3, 'Opaque'), Buffer.from([5 << 3, 1])))).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's' },
    data: { key: Buffer.from('value').toString('base64') },
    type: 'Opaque',
    immutable: true,
  });
});

test.each([
  ['another beginning', Buffer.from('{}')],
  ['an end in the middle', body('v1', 'Secret', field(3, 'Opaque')).subarray(0, -12)],
  ['a kind that is not in the table', body('v1', 'Endpoints')],
  ['a field that is not in the table', body('v1', 'ConfigMap', field(10, 'x'))],
])('%s is refused', (_, bytes) => {
  expect(() => decodeObject(bytes)).toThrow(/^protobuf: /);
});
