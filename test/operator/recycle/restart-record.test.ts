import { formatRestartRecord, parseRestartRecord, type RestartRecord } from '../../../operator/recycle/restart-record';

const record: RestartRecord = { id: 'batch-1', startTime: '2026-01-01T00:00:00.000Z', containers: { main: 'c://1' }, lastRetryTime: '2026-01-01T00:00:30.000Z', retryCount: 1 };

test('a record is read as it was written (R100)', () => {
  for (const sealed of [{ record, seal: 'sealed' }, { record, seal: undefined }]) {
    expect(parseRestartRecord(formatRestartRecord(sealed), 'batch-1')).toEqual(sealed);
  }
  expect(parseRestartRecord(JSON.stringify({ ...record, seal: 1 }), 'batch-1')).toEqual({ record, seal: undefined });
});

test.each([
  ['there is none', undefined],
  ['it is another batch that it was made for', JSON.stringify({ ...record, id: 'batch-2' })],
  ['it is no JSON', '{"id":"batch-1"'],
  ['it is no object', '"batch-1"'],
  ['its containers are a list', JSON.stringify({ ...record, containers: ['c://1'] })],
  ['an ID is no text', JSON.stringify({ ...record, containers: { main: 1 } })],
  ['its time is none', JSON.stringify({ ...record, lastRetryTime: 'soon' })],
  ['it has no start', JSON.stringify({ ...record, startTime: undefined })],
  ['its count is below 0', JSON.stringify({ ...record, retryCount: -1 })],
])('nothing is known of a restart when %s (R55)', (_title, text) => {
  expect(parseRestartRecord(text, 'batch-1')).toBeUndefined();
});
