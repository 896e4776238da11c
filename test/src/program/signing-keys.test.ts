import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readSigningKeys } from '../../../src/program/signing-keys';
import { readVerifyKeys, signExecutorToken } from '../../../src/program/executor-token';
import { verifyExecutorToken } from '../../support/verify-executor-token';

const newKey = () => generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const request = { method: 'GET', path: '/getTasks', body: '' };

test('each key signs for those who hold the public keys', async () => {
  const { signing, publicKeys } = await readSigningKeys(`${newKey()}\n${newKey()}`, 'file');
  const known = await readVerifyKeys(publicKeys);
  for (const key of signing) {
    await expect(verifyExecutorToken(known, 'pod', request, await signExecutorToken(key, 'pod', request, new Date()), new Date())).resolves.toBeDefined();
  }
  expect(signing).toHaveLength(2);
});

test('the public keys are those of the private ones, in their order, and nothing else', async () => {
  const pem = [newKey(), newKey()];
  const want = pem.map((block) => createPublicKey(createPrivateKey(block)).export({ format: 'pem', type: 'spki' }).toString()).join('');
  expect((await readSigningKeys(pem.join(''), 'file')).publicKeys).toBe(want);
});

test.each<[string, string, string]>([
  ['nothing', '', "0 blocks 'PRIVATE KEY'"],
  ['three keys', newKey() + newKey() + newKey(), "3 blocks 'PRIVATE KEY'"],
  ['a key of another kind', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), 'another key'],
  ['a broken key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', 'another key'],
])('refuses %s and quotes none of it', async (_, pem, got) => {
  await expect(readSigningKeys(pem, '/etc/key.pem')).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message: `operator: /etc/key.pem: expected 1 or 2 Ed25519 private keys in PEM, got ${got}; openssl genpkey -algorithm ed25519 makes one`,
  });
});
