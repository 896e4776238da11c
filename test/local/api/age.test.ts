import { ageText } from '../../../local/api/age';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test.each([
  [0, '0s'],
  [119, '119s'],
  [2 * MINUTE, '2m'],
  [9 * MINUTE + 5, '9m5s'],
  [10 * MINUTE + 5, '10m'],
  [179 * MINUTE, '179m'],
  [3 * HOUR + MINUTE, '3h1m'],
  [9 * HOUR + MINUTE, '9h'],
  [47 * HOUR, '47h'],
  [2 * DAY + 3 * HOUR, '2d3h'],
  [9 * DAY + 3 * HOUR, '9d'],
  [729 * DAY, '729d'],
  [731 * DAY, '2y1d'],
  [9 * 365 * DAY, '9y'],
])('%d s are shown as %s', (seconds, text) => {
  const now = new Date('2026-01-01T00:00:00Z');
  expect(ageText(new Date(now.getTime() - seconds * 1000).toISOString(), now)).toBe(text);
});

test('what is no instant has no age, and the future is now', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  expect([ageText('soon', now), ageText('2026-01-01T00:00:05Z', now)]).toEqual(['<invalid>', '0s']);
});
