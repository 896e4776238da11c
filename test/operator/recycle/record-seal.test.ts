import { generateKeyPairSync } from 'node:crypto';
import { RecordSeal } from '../../../operator/recycle/record-seal';
import type { RestartRecord } from '../../../operator/recycle/restart-record';
import { readSigningKey } from '../../../src/program/executor-token';

const record: RestartRecord = { id: 'batch-1', startTime: '2026-01-01T00:00:00Z', containers: { a: 'c://1', b: 'c://2' }, lastRetryTime: '2026-01-01T00:00:30Z', retryCount: 1 };
const newKey = () => readSigningKey(String(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })));

test('a record that was sealed for a pod holds, in whatever order its containers are written (R55)', async () => {
  const seal = new RecordSeal([await newKey()]);
  expect(seal.holds('pod', { ...record, containers: { b: 'c://2', a: 'c://1' } }, seal.of('pod', record))).toBe(true);
});

const CHANGED: Readonly<Record<string, Partial<RestartRecord>>> = {
  'other containers': { containers: { a: 'c://1' } },
  'another batch': { id: 'batch-2' },
  'another begin': { startTime: '2026-01-01T00:00:01Z' },
  'another time of its last attempt': { lastRetryTime: '3000-01-01T00:00:00Z' },
  'another count': { retryCount: 0 },
};

test.each(Object.entries(CHANGED))('a record with %s holds no more (R55)', async (_title, change) => {
  const seal = new RecordSeal([await newKey()]);
  expect(seal.holds('pod', { ...record, ...change }, seal.of('pod', record))).toBe(false);
});

test('a record holds for its pod only, and not without a seal or by another key (R55)', async () => {
  const [seal, other] = [new RecordSeal([await newKey()]), new RecordSeal([await newKey()])];
  expect([seal.holds('pod', record, seal.of('other', record)), seal.holds('pod', record, undefined), seal.holds('pod', record, other.of('pod', record))]).toEqual([false, false, false]);
});

test('a record that was sealed before a rotation of the key holds as long as the old key is there', async () => {
  const [old, fresh] = [await newKey(), await newKey()];
  const before = new RecordSeal([old]).of('pod', record);
  expect([new RecordSeal([fresh, old]).holds('pod', record, before), new RecordSeal([fresh]).holds('pod', record, before)]).toEqual([true, false]);
});

test('an operator without a key takes every record: its executors serve anybody too', () => {
  const seal = new RecordSeal([]);
  expect([seal.of('pod', record), seal.holds('pod', record, undefined)]).toEqual([undefined, true]);
});

test('keys are read as Node wants them for sealing: it warns of others at every start (DEP0204)', async () => {
  expect((await newKey()).extractable).toBe(true);
});
