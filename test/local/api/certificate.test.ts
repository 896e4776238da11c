import { createPrivateKey, X509Certificate } from 'node:crypto';
import { selfSignedCertificate } from '../../../local/api/certificate';

const now = new Date('2026-06-01T12:00:00Z');

test('a certificate is for its addresses and no other, now and for months, and signed by itself', () => {
  const { cert, key } = selfSignedCertificate(['127.3.0.1', '10.0.0.1'], now);
  const parsed = new X509Certificate(cert);
  expect(['127.3.0.1', '10.0.0.1', '127.3.0.2'].map((address) => parsed.checkIP(address))).toEqual(['127.3.0.1', '10.0.0.1', undefined]);
  expect([parsed.ca, parsed.verify(parsed.publicKey), parsed.checkIssued(parsed)]).toEqual([true, true, true]);
  expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(Date.parse(parsed.validFrom)).toBeLessThan(now.getTime());
  expect(Date.parse(parsed.validTo)).toBeGreaterThan(now.getTime() + 180 * 86_400_000);
});

test('two certificates are never the same', () => {
  const serials = [1, 2].map(() => new X509Certificate(selfSignedCertificate(['127.0.0.1'], now).cert).serialNumber);
  expect(serials[0]).not.toBe(serials[1]);
});

test('a host that is no IPv4 address is refused', () => {
  expect(() => selfSignedCertificate(['localhost'], now)).toThrow("certificate: host: expected an IPv4 address, got 'localhost'");
});
