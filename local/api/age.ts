const SECOND = 1;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/**
 * Age of an instant as kubectl shows it: `5s`, `2m30s`, `3h`, `12d`. Two units are shown only where the second still matters.
 *
 * @see k8s.io/apimachinery/pkg/util/duration
 */
export function ageText(instant: string, now: Date): string {
  const at = Date.parse(instant);
  if (Number.isNaN(at)) return '<invalid>';
  const age = Math.max(0, Math.floor((now.getTime() - at) / 1000));
  if (age < 2 * MINUTE) return `${age}s`;
  if (age < 10 * MINUTE) return twoUnits(age, MINUTE, 'm', SECOND, 's');
  if (age < 3 * HOUR) return `${Math.floor(age / MINUTE)}m`;
  if (age < 8 * HOUR) return twoUnits(age, HOUR, 'h', MINUTE, 'm');
  if (age < 2 * DAY) return `${Math.floor(age / HOUR)}h`;
  if (age < 8 * DAY) return twoUnits(age, DAY, 'd', HOUR, 'h');
  if (age < 2 * YEAR) return `${Math.floor(age / DAY)}d`;
  if (age < 8 * YEAR) return twoUnits(age, YEAR, 'y', DAY, 'd');
  return `${Math.floor(age / YEAR)}y`;
}

function twoUnits(age: number, unit: number, name: string, smaller: number, smallerName: string): string {
  const rest = Math.floor((age % unit) / smaller);
  return `${Math.floor(age / unit)}${name}${rest === 0 ? '' : `${rest}${smallerName}`}`;
}
